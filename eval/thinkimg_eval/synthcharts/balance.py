"""How often what was asked so far, so that nothing becomes a safe guess."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from thinkimg_eval.synthcharts.asked import Asked, Family

_T = TypeVar("_T")


@dataclass(frozen=True)
class Found:
    """What is asked, apart from its wording, and the answer."""

    asked: Asked
    truth: str
    accepted: tuple[str, ...] = ()
    tolerance: float | None = None
    """Relative, of a number; an answer in words must be the truth."""


@dataclass
class Balance:
    """How often what was asked and answered so far, so that nothing becomes a safe guess."""

    families: Counter[Family] = field(default_factory=Counter)
    answers: Counter[tuple[Family, str]] = field(default_factory=Counter)

    def add(self, found: Found) -> None:
        self.families[found.asked.family] += 1
        self.answers[found.asked.family, found.truth] += 1

    def rarest(self, family: Family, truths: Iterable[str], rng: random.Random) -> str:
        """Of these answers, one that was given least often."""
        return least(truths, lambda truth: self.answers[family, truth], rng)


def least(choices: Iterable[_T], weight: Callable[[_T], Any], rng: random.Random) -> _T:
    """One of those of least weight."""
    weighed = [(weight(choice), choice) for choice in choices]
    fewest = min(each for each, _ in weighed)
    return rng.choice([choice for each, choice in weighed if each == fewest])
