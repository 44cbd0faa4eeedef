"""The same words, however they are spaced and capitalised."""

from __future__ import annotations

import unicodedata

from thinkimg_agent.sample import Sample
from thinkimg_eval.scorers.right_answers import best_score


def exact(answer: str, sample: Sample) -> float:
    """1 if the answer is the right one but for case, spacing and the form of its characters."""
    return best_score(answer, sample, lambda said, right: float(plain(said) == plain(right)))


def plain(text: str) -> str:
    """Without what `exact` looks past; full-width letters and ligatures become plain ones."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
