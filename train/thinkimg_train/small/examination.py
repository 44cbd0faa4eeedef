"""What the small model can do, exercise by exercise."""

from __future__ import annotations

import random
from collections.abc import Callable, Container, Iterator
from typing import Any

import torch
from torch import Tensor

from thinkimg_train.small.exercises import Exercise, ExerciseBook, collate, told_apart
from thinkimg_train.small.lessons import QUESTIONS, lesson_of, row
from thinkimg_train.small.lookups import LOOKUPS, lookup_of

_BATCH = 16


def examine(
    model: Any, processor: Any, count: int, seed: int = 1, only: Container[str] | None = None
) -> dict[str, float]:
    """Of `count` questions of each kind, the share whose answer is right in every token
    that says something; whether a comma follows is not asked.

    "row" and those that begin with "unseen" ask for names that nobody asked for in training.
    Lists are as long as those of charts.
    """
    book = ExerciseBook(processor, random.Random(seed), crowd=1.0)
    unasked = sorted(book.unasked)
    makers: dict[str, Callable[[], Exercise | None]] = {
        "row": lambda: book.about_lists(row(unasked, book.random, 16)),
        "unseen Bars": lambda: _pair(book, "Bars", unasked),
        "unseen Numbers": lambda: _pair(book, "Numbers", unasked),
        **{kind: (lambda kind=kind: _pair(book, kind, book.names)) for kind in LOOKUPS},  # type: ignore[misc]
        **{kind: (lambda kind=kind: _one(book, kind, book.names)) for kind in QUESTIONS},  # type: ignore[misc]
        "What is drawn?": lambda: book.about_picture("What is drawn?"),
        "How many panels are there?": lambda: book.about_picture("How many panels are there?"),
        "Which colors do the panels have?": lambda: book.about_picture(
            "Which colors do the panels have?"
        ),
    }
    worth, said = told_apart(processor.tokenizer), _said(processor.tokenizer)
    return {
        name: _share_right(model, _some(make, count), worth, said)
        for name, make in makers.items()
        if only is None or name in only
    }


def _one(book: ExerciseBook, kind: str, names: list[str]) -> Exercise | None:
    asked = lesson_of(kind, book.layout(names), book.random)
    return None if asked is None else book.about_lists(asked)


def _pair(book: ExerciseBook, kind: str, names: list[str]) -> Exercise | None:
    asked = lookup_of(kind, book.layout(names), book.random)
    return None if asked is None else book.about_lists(asked)


def _some(make: Callable[[], Exercise | None], count: int) -> list[Exercise]:
    return [next(one for one in _made(make) if one is not None) for _ in range(count)]


def _made(make: Callable[[], Exercise | None]) -> Iterator[Exercise | None]:
    while True:
        yield make()


def _said(tokenizer: Any) -> Tensor:
    """(V,) the same number for tokens that say the same, with or without a space and a comma."""
    texts = [tokenizer.decode([token]) for token in range(len(tokenizer))]
    numbers: dict[str, int] = {}
    return torch.tensor(
        [numbers.setdefault(text.strip(" ,") or text, len(numbers)) for text in texts]
    )


def _share_right(model: Any, exercises: list[Exercise], worth: Tensor, said: Tensor) -> float:
    right = 0
    exercises = sorted(exercises, key=len)
    was_training = model.training
    model.eval()
    for start in range(0, len(exercises), _BATCH):
        inputs, trained = collate(exercises[start : start + _BATCH], model.config.image_token_id)
        with torch.inference_mode():
            likeliest = model(**inputs).logits[:, :-1].argmax(-1)
        written = inputs["input_ids"][:, 1:]
        asked = trained[:, 1:] & (worth[written] > 0)
        good = (said[likeliest] == said[written]) | ~asked
        right += int(good.all(1).sum())
    model.train(was_training)
    return right / len(exercises)
