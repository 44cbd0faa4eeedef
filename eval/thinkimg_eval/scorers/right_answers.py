"""An answer against every right answer of a sample."""

from __future__ import annotations

from collections.abc import Callable

from thinkimg_agent.sample import Sample
from thinkimg_eval.scorers.extract import extract

Rule = Callable[[str, str], float]
"""The score of an answer by a right one; neither is blank."""


def best_score(answer: str, sample: Sample, rule: Rule) -> float:
    """The highest score by the truth and the accepted answers; 0 for a blank answer.

    Both sides pass through `extract`. Raises: ValueError, when the sample says
    nothing of what is right: a score of 0 would be a lie.
    """
    right = [*filter(None, (sample.truth, *sample.accepted))]
    if not right:
        raise ValueError(f"sample {sample.id} has no truth to score an answer by")
    said = extract(answer)
    return max(rule(said, extract(one)) for one in right) if said else 0.0
