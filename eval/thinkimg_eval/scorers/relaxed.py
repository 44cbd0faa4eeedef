"""ChartQA's relaxed accuracy: numbers within 5%, anything else word for word."""

from __future__ import annotations

import math

from thinkimg_agent.sample import Sample
from thinkimg_eval.scorers.right_answers import best_score

TOLERANCE = 0.05


def relaxed(answer: str, sample: Sample) -> float:
    """1 if the answer is within the tolerance of the right number, or is the right text.

    The published rule (Masry et al. 2022, https://arxiv.org/abs/2203.10244, section
    5.1; Methani et al. 2020), as pix2struct, lmms-eval and VLMEvalKit compute it: "12%"
    is 0.12, "1e3" is a number, "1,000" and "$5" are text, and so is a truth of 0, from
    which nothing has a relative distance. Another tolerance than 5% comes from
    `sample.details["tolerance"]`.
    """
    tolerance = float(sample.details.get("tolerance", TOLERANCE))
    return best_score(answer, sample, lambda said, right: _agree(said, right, tolerance))


def _agree(said: str, right: str, tolerance: float) -> float:
    number, truth = _number(said), _number(right)
    if number is None or not truth:
        return float(said.lower() == right.lower())
    return float(abs(number - truth) / abs(truth) <= tolerance)


def _number(text: str) -> float | None:
    """As Python reads it, where it is finite; a percentage is a fraction."""
    try:
        number = float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
