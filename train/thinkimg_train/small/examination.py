"""What the small model can do, exercise by exercise."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import torch

from thinkimg_train.small.exercises import Exercise, ExerciseBook, collate
from thinkimg_train.small.lessons import lesson_of, table
from thinkimg_train.small.lists import invent

_BATCH = 16
KINDS = ("number", "place", "mark", "order", "extreme", "compare", "count", "yes_no", "color")


def examine(model: Any, processor: Any, count: int, seed: int = 1) -> dict[str, float]:
    """Of `count` questions of each kind, the share whose answer is right in every token.

    "table" and "unseen number" ask for names that nobody asked for in training. Lists are as
    long as those of charts.
    """
    book = ExerciseBook(processor, random.Random(seed), crowd=1.0)
    unasked = sorted(book.unasked)
    makers: dict[str, Callable[[], Exercise | None]] = {
        "table": lambda: book.about_lists(table(unasked, book.random, 12, times=1)),
        "unseen number": lambda: _one(book, "number", unasked),
        **{kind: (lambda kind=kind: _one(book, kind, book.names)) for kind in KINDS},  # type: ignore[misc]
        "picture": book.about_picture,
    }
    return {name: _share_right(model, _some(make, count)) for name, make in makers.items()}


def _one(book: ExerciseBook, kind: str, names: list[str]) -> Exercise | None:
    layout = invent(book.random, names, book.colors, 1.0)
    asked = lesson_of(kind, layout, book.random)
    return None if asked is None else book.about_lists(asked)


def _some(make: Callable[[], Exercise | None], count: int) -> list[Exercise]:
    return [next(one for one in _made(make) if one is not None) for _ in range(count)]


def _made(make: Callable[[], Exercise | None]) -> Iterator[Exercise | None]:
    while True:
        yield make()


def _share_right(model: Any, exercises: list[Exercise]) -> float:
    right = 0
    exercises = sorted(exercises, key=len)
    was_training = model.training
    model.eval()
    for start in range(0, len(exercises), _BATCH):
        inputs, trained = collate(exercises[start : start + _BATCH], model.config.image_token_id)
        with torch.inference_mode():
            likeliest = model(**inputs).logits[:, :-1].argmax(-1)
        good = (likeliest == inputs["input_ids"][:, 1:]) | ~trained[:, 1:]
        right += int(good.all(1).sum())
    model.train(was_training)
    return right / len(exercises)
