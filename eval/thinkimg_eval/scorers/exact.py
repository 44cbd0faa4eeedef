"""The same words, however they are spaced and capitalised."""

from __future__ import annotations

import unicodedata

from thinkimg_agent.sample import Sample
from thinkimg_eval.scorers.right_answers import best_score


def exact(answer: str, sample: Sample) -> float:
    """1 if the answer is the right one but for case, spacing and the form of its characters."""
    return best_score(answer, sample, lambda said, right: float(_plain(said) == _plain(right)))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
