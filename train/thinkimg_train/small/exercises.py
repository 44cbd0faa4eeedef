"""Exercises of the small model, in tokens and pixels: lessons about lists, and about pictures."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from thinkimg_train.small.lessons import Lesson, Turn, lesson, table
from thinkimg_train.small.lists import Layout, invent
from thinkimg_train.small.lookups import lookups
from thinkimg_train.small.pictures import draw, questions
from thinkimg_train.small.vocabulary import colors, headings, names

TABLES, PICTURES, LOOKUPS = 0.06, 0.14, 0.38
"""Shares of exercises; the others are questions about lists of what tools find in charts."""
UNASKED_NAMES = 40
"""Of these nobody ever asks or tells anything, so that it can be seen whether names are understood
or learnt by heart."""


@dataclass
class Exercise:
    ids: list[int]
    trained: list[bool]
    """Which tokens are part of an answer."""
    kind: str = ""
    pixels: Tensor | None = None
    """(patches, values)."""
    grid: Tensor | None = None
    """(1, 3): patches in time, down and across."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass
class ExerciseBook:
    """Exercises without end, always the same for a seed."""

    processor: Any
    """Of the model: its tokenizer and its image processor."""
    random: random.Random
    crowd: float = 0.0
    """From 0 to 1, how much there is in a list."""
    only_tables: bool = False
    widened: bool = True
    """Whether look-ups come in all their forms."""
    unasked: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.names = names()
        self.colors = colors()
        self.headings = headings()
        # The same ones for every seed.
        self.unasked = frozenset(random.Random(7).sample(self.names, UNASKED_NAMES))
        self.asked = [name for name in self.names if name not in self.unasked]

    def never_answered(self) -> Tensor:
        """(N,) Tokens of the names that nobody asks for, and of nothing else."""
        unasked, others = self._tokens(self.unasked), {*self.asked, *self.colors, *self.headings}
        return torch.tensor(sorted(unasked - self._tokens(others)), dtype=torch.long)

    def _tokens(self, texts: Iterable[str]) -> set[int]:
        found = self.processor.tokenizer(
            [f"{space}{text}" for text in texts for space in ("", " ")], add_special_tokens=False
        )
        return {token for ids in found["input_ids"] for token in ids}

    def exercise(self) -> Exercise:
        kind = self.random.random()
        if kind < PICTURES and not self.only_tables:
            seen = self.about_picture()
            assert seen is not None  # there is always something to ask
            return seen
        if kind < PICTURES + TABLES or self.only_tables:
            rows = 4 + round(12 * self.crowd)
            made = self.about_lists(table(self.asked, self.random, rows))
            made.kind = "tables"
            return made
        layout = self.layout(self.names)
        if kind < PICTURES + TABLES + LOOKUPS:
            made = self.about_lists(
                lookups(layout, self.random, self.unasked, widened=self.widened)
            )
            made.kind = "look-ups"
            return made
        made = self.about_lists(lesson(layout, self.random, self.unasked))
        made.kind = "questions"
        return made

    def layout(self, names: Sequence[str]) -> Layout:
        return invent(self.random, names, self.colors, self.headings, self.crowd)

    def in_tokens(self, lists: str, turns: Sequence[Turn], *, ahead: bool = False) -> Exercise:
        """A conversation about a list that stands in its first message, after the question if
        that is `ahead`."""
        made = Exercise([], [])
        opening = lists
        for question, answer in turns:
            parts = (question, opening) if ahead else (opening, question)
            asked = "\n".join(part for part in parts if part)
            self._write(made, f"<|im_start|>user\n{asked}<|im_end|>\n")
            self._write(made, "<|im_start|>assistant\n")
            answers = ("", answer) if isinstance(answer, str) else answer
            for number, part in enumerate(answers):
                self._write(made, part, trained=number % 2 == 1)
            self._write(made, "<|im_end|>", trained=True)
            self._write(made, "\n")
            opening = ""
        return made

    def about_lists(self, about: Lesson) -> Exercise:
        return self.in_tokens(about.lists, about.turns, ahead=about.ahead)

    def about_picture(self, only: str = "") -> Exercise | None:
        """All that can be asked about a picture, or one question; None, if it makes no sense."""
        picture = draw(self.random)
        asked = [turn for turn in questions(picture, self.random) if only in ("", turn[0])]
        if not asked:
            return None
        seen = self.processor.image_processor(images=[picture.pixels], return_tensors="pt")
        grid = seen["image_grid_thw"]
        merged = self.processor.image_processor.merge_size**2
        pads = "<|image_pad|>" * (int(grid.prod()) // merged)
        made = self.in_tokens(f"<|vision_start|>{pads}<|vision_end|>", asked)
        made.kind = "pictures"
        made.pixels, made.grid = seen["pixel_values"], grid
        return made

    def _write(self, made: Exercise, text: str, *, trained: bool = False) -> None:
        ids = self.processor.tokenizer(text, add_special_tokens=False)["input_ids"]
        made.ids += ids
        made.trained += [trained] * len(ids)


def batches(book: ExerciseBook, tokens: int, pool: int = 160) -> Iterable[list[Exercise]]:
    """Batches of up to `tokens` with padding, of about equally long exercises, without end."""
    while True:
        made = sorted((book.exercise() for _ in range(pool)), key=len)
        ready: list[list[Exercise]] = [[]]
        for one in made:
            if ready[-1] and (len(ready[-1]) + 1) * len(one) > tokens:
                ready.append([])
            ready[-1].append(one)
        book.random.shuffle(ready)
        yield from ready


def collate(exercises: Sequence[Exercise], image_token: int) -> tuple[dict[str, Tensor], Tensor]:
    """Inputs of the model, and (B, L) which tokens are learnt."""
    longest = max(map(len, exercises))
    ids = torch.tensor([one.ids + [0] * (longest - len(one)) for one in exercises])
    trained = torch.tensor([one.trained + [False] * (longest - len(one)) for one in exercises])
    inputs = {"input_ids": ids}
    seen = [one for one in exercises if one.pixels is not None]
    if seen:
        inputs["pixel_values"] = torch.cat([one.pixels for one in seen if one.pixels is not None])
        inputs["image_grid_thw"] = torch.cat([one.grid for one in seen if one.grid is not None])
        inputs["mm_token_type_ids"] = (ids == image_token).int()
    return inputs, trained


def told_apart(tokenizer: Any) -> Tensor:
    """(V,) 1 for tokens that say something, 0 for those that only give an answer its form."""
    texts = (tokenizer.decode([token]) for token in range(len(tokenizer)))
    return torch.tensor(
        [float(any(c.isalnum() for c in text) and not text.startswith("<")) for text in texts]
    )
