"""OpenThinkIMG's own scoring of ChartGemma, faults included. Legacy: to compare with its
published numbers, and for nothing else."""

from __future__ import annotations

from rapidfuzz import fuzz

from thinkimg_agent.sample import Sample
from thinkimg_eval.scorers.formulas import same_formula
from thinkimg_eval.scorers.right_answers import best_score


def openthinkimg_fuzzy(answer: str, sample: Sample) -> float:
    """The published rule: the same mathematics scores 1, and other words score by likeness.

    It takes the answer out of the model's JSON with the quotation marks around it,
    which count as letters: "black" for "blue" scores 0.36, and 0.44 without them. An
    answer with a per cent sign or a point is cut at the point and must then be the
    truth; all others score their indel similarity, rounded to a per cent. There a
    *missing* answer is the word None, which scores 0.86 where the truth is "one";
    here it never comes this far, and scores 0.
    """
    return best_score(answer, sample, _published)


def _published(said: str, right: str) -> float:
    right = right.strip().lower()
    written = f'"{said}"'.split("}")[0].strip().lower()
    if written == right or same_formula(written, right):
        return 1.0
    if "%" in written or "." in written:
        return float(written.replace("%", "").split(".")[0] == right)
    return round(fuzz.ratio(written, right)) / 100
