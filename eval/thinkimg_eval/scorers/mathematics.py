"""The same mathematics, however it is written."""

from __future__ import annotations

from thinkimg_agent.sample import Sample
from thinkimg_eval.scorers.exact import plain
from thinkimg_eval.scorers.formulas import same_formula
from thinkimg_eval.scorers.right_answers import best_score


def math(answer: str, sample: Sample) -> float:
    """1 if the answer is the right number or formula, or the same words as `exact` has it.

    By https://github.com/huggingface/Math-Verify, which reads LaTeX and plain
    expressions: \\frac{1}{2} is 0.5 is 50%. No tolerance.
    """

    def same(said: str, right: str) -> float:
        return float(plain(said) == plain(right) or same_formula(said, right))

    return best_score(answer, sample, same)
