"""The questions about a chart: which ones, and in which words."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from thinkimg_eval.synthcharts.asked import Family
from thinkimg_eval.synthcharts.balance import Balance, Found, least
from thinkimg_eval.synthcharts.families import MAKERS, ask_about_panels
from thinkimg_eval.synthcharts.plan import ChartPlan
from thinkimg_eval.synthcharts.wording import phrase, variants

_MOST_OF_A_FAMILY = 2
"""In one chart, unless it has several panels."""
_TRIES = 8


@dataclass(frozen=True)
class Question(Found):
    """A question in words."""

    text: str = ""


def questions_of(plan: ChartPlan, balance: Balance, rng: random.Random) -> list[Question]:
    """Four to six questions, of families and with answers that were rare so far."""
    wanted = rng.choice((4, 4, 4, 5, 5, 6))
    questions: list[Question] = []
    here = Counter[Family]()
    families = {Family.PANEL} if plan.kind == "panels" else {*MAKERS}
    while families and len(questions) < wanted:
        # Sorted, because the order of a set is another in each process.
        weights = {family: (here[family], balance.families[family]) for family in sorted(families)}
        family = least(weights, weights.__getitem__, rng)
        question = _new_question(family, plan, balance, questions, rng)
        if question is None:
            families.remove(family)
            continue
        questions.append(question)
        balance.add(question)
        here[family] += 1
        if here[family] == _MOST_OF_A_FAMILY and family is not Family.PANEL:
            families.remove(family)
    return questions


def _new_question(
    family: Family,
    plan: ChartPlan,
    balance: Balance,
    others: Sequence[Question],
    rng: random.Random,
) -> Question | None:
    """One that is not among the others, if the chart has one."""
    make = MAKERS.get(family, ask_about_panels)
    for _ in range(_TRIES):
        found = make(plan, balance, rng)
        if found is None:
            return None
        if found.asked not in [other.asked for other in others]:
            text = phrase(found.asked, rng.randrange(variants(found.asked)))
            return Question(found.asked, found.truth, found.accepted, found.tolerance, text)
    return None
