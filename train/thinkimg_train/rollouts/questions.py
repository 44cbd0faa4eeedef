"""Which question comes next: all of a task's, in an order that follows from a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

_ASKED = 1
"""Which random numbers of a draw say whether it is passed over."""


@dataclass(frozen=True)
class Question:
    """One draw of a task's question; the next time round it is another draw."""

    draw: int
    """How many were drawn before it, in the whole run."""
    index: int
    """Its place in the task."""


class Order:
    """Draws of the questions: every one of them once, then again in another order.

    Where `least_chance` is below 1, questions that went alike the last time they were asked
    are passed over more often than those that were right every second time: with a share p
    of right answers, the chance to be asked is least_chance + (1 - least_chance) 4 p (1 - p).

    Args:
        known: the share of right answers, before any question was asked; by its index.
        easy_first: the first time round, of the questions with a known share the one with the
            highest comes first. The others stand among them as they fall.
    """

    def __init__(
        self,
        questions: int,
        seed: int,
        least_chance: float = 1.0,
        *,
        known: Mapping[int, float] = MappingProxyType({}),
        easy_first: bool = False,
    ) -> None:
        self._questions = questions
        self._seed = seed
        self._least_chance = least_chance
        self._known = known
        self._easy_first = easy_first
        self.pass_rates: dict[int, float] = {}
        """The share of right answers, the last time that a question was asked; by its index."""

    def take(self, first: int, count: int) -> tuple[list[Question], int]:
        """So many questions from a draw on, and the draw that follows them."""
        found: list[Question] = []
        draw = first
        while len(found) < count:
            question = self.at(draw)
            if self._is_asked(question):
                found.append(question)
            draw += 1
        return found, draw

    def at(self, draw: int) -> Question:
        epoch, place = divmod(draw, self._questions)
        return Question(draw, int(self._order(epoch)[place]))

    def _order(self, epoch: int) -> NDArray[np.int64]:
        order = np.random.default_rng([self._seed, epoch]).permutation(self._questions)
        if epoch == 0 and self._easy_first:
            places = [n for n, index in enumerate(order) if int(index) in self._known]
            easy = sorted((int(order[n]) for n in places), key=lambda index: -self._known[index])
            order[places] = easy
        return order

    def _is_asked(self, question: Question) -> bool:
        rate = self.pass_rates.get(question.index, self._known.get(question.index))
        if rate is None or self._least_chance >= 1:
            return True
        chance = self._least_chance + (1 - self._least_chance) * 4 * rate * (1 - rate)
        return bool(np.random.default_rng([self._seed, question.draw, _ASKED]).random() < chance)


def share_of(questions: Sequence[Question], wanted: Sequence[int], rank: int) -> list[Question]:
    """One process's share of questions of which the processes want so many each."""
    begin = sum(wanted[:rank])
    return list(questions[begin : begin + wanted[rank]])


def shares_of(total: int, ranks: int) -> list[int]:
    """A number of questions, shared out as evenly as can be."""
    return [total // ranks + (rank < total % ranks) for rank in range(ranks)]


def episode_seed(seed: int, question: Question, member: int) -> int:
    """Of one episode out of all of a run."""
    drawn = np.random.SeedSequence([seed, question.draw, member])
    return int(drawn.generate_state(1, np.uint64)[0] >> 1)
