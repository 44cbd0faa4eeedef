"""Splits that share no chart, whatever their seeds: each owns a part of all charts.

A chart belongs to the split that the digest of its content names, so no two splits can
have the same one. Within a split, a chart comes once.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from thinkimg_eval.synthcharts.balance import Balance
from thinkimg_eval.synthcharts.invent import invent_chart
from thinkimg_eval.synthcharts.plan import ChartPlan
from thinkimg_eval.synthcharts.questions import Question, questions_of

VERSION = "1"
"""Of the charts, the questions, their scores and the view: raised with any change to them."""


@dataclass(frozen=True)
class Split:
    """How large it is, and which of `_SHARES` parts of all charts are its own."""

    questions: int
    parts: range


SPLITS = {
    "train": Split(14_501, range(10)),
    "sft": Split(2_942, range(10, 13)),
    "dev": Split(500, range(13, 14)),
    "test": Split(994, range(14, 16)),
}
"""The published sizes; dev is our own."""
_SHARES = 16


@dataclass(frozen=True)
class Asking:
    """A chart and what is asked about it."""

    id: str
    plan: ChartPlan
    questions: tuple[Question, ...]


def askings(split: str, seed: int) -> Iterator[Asking]:
    """The charts of a split with their questions, as many as it has; nothing is drawn.

    Raises: ValueError, when there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"there is no split {split!r}: choose one of {', '.join(SPLITS)}")
    balance = Balance()
    left, seen = SPLITS[split].questions, set[str]()
    number = 0
    while left > 0:
        name = f"synthcharts-v{VERSION}/{split}/{seed}/chart-{number}"
        plan = _owned(name, split, seen)
        rng = random.Random(f"{name} questions")
        questions = questions_of(plan, balance, rng)[:left]
        left -= len(questions)
        number += 1
        yield Asking(name, plan, tuple(questions))


def _owned(name: str, split: str, seen: set[str]) -> ChartPlan:
    """The first chart after a name's random numbers that is the split's own."""
    rng = random.Random(name)
    while True:
        plan = invent_chart(rng)
        content = plan.content
        if int(content[:8], 16) % _SHARES in SPLITS[split].parts and content not in seen:
            seen.add(content)
            return plan
