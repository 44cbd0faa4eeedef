"""Average normalised Levenshtein similarity: near misses in spelling count in part."""

from __future__ import annotations

from rapidfuzz.distance import Levenshtein

from thinkimg_agent.sample import Sample
from thinkimg_eval.scorers.right_answers import best_score

THRESHOLD = 0.5


def anls(answer: str, sample: Sample) -> float:
    """How alike the answer and the right one are in their letters; 0 below a half.

    1 - edits / length of the longer (Biten et al. 2019,
    https://arxiv.org/abs/1905.13648), regardless of case and of runs of spaces, as
    the DocVQA challenge computes it: the spaces still count in the length, and a
    similarity of exactly a half is kept.
    """
    return best_score(answer, sample, _similarity)


def _similarity(said: str, right: str) -> float:
    edits = Levenshtein.distance(_plain(said), _plain(right))
    similarity = 1 - edits / max(len(said.upper()), len(right.upper()))
    return similarity if similarity >= THRESHOLD else 0.0


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
