"""Which question comes next: all of a task's, in an order that follows from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Question:
    """One draw of a task's question; the next time round it is another draw."""

    draw: int
    """How many were drawn before it, in the whole run."""
    index: int
    """Its place in the task."""


class Order:
    """Draws of the questions: every one of them once, then again in another order."""

    def __init__(self, questions: int, seed: int) -> None:
        self._questions = questions
        self._seed = seed

    def at(self, draw: int) -> Question:
        epoch, place = divmod(draw, self._questions)
        order = np.random.default_rng([self._seed, epoch]).permutation(self._questions)
        return Question(draw, int(order[place]))

    def share(self, first: int, wanted: Sequence[int], rank: int) -> list[Question]:
        """One process's share of the next draws, of which the processes want so many each."""
        begin = first + sum(wanted[:rank])
        return [self.at(draw) for draw in range(begin, begin + wanted[rank])]


def shares_of(total: int, ranks: int) -> list[int]:
    """A number of questions, shared out as evenly as can be."""
    return [total // ranks + (rank < total % ranks) for rank in range(ranks)]


def episode_seed(seed: int, question: Question, member: int) -> int:
    """Of one episode out of all of a run."""
    drawn = np.random.SeedSequence([seed, question.draw, member])
    return int(drawn.generate_state(1, np.uint64)[0] >> 1)
