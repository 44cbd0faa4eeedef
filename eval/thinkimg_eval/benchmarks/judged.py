"""Benchmarks that were published with a judge: with one, or by a rule that says so."""

from __future__ import annotations

from thinkimg_eval.scorers import judge_of
from thinkimg_eval.task import Scorer


def name_and_scorer(
    name: str, rule: Scorer, judge: str | None, judge_url: str | None
) -> tuple[str, Scorer]:
    """The task's name tells the two apart: their numbers must not be compared."""
    if judge is None:
        return f"{name}-rules", rule
    return f"{name}-judged", judge_of(judge, base_url=judge_url)
