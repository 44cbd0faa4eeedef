"""ANLS, as the DocVQA challenge computes it."""

from __future__ import annotations

import functools

import pytest

from thinkimg_eval.scorers import anls, extract

from .answer_table import PAIRS
from .questions import sample_with


@functools.cache
def _edits(one: str, other: str) -> int:
    """Levenshtein's distance by its definition."""
    if not one or not other:
        return len(one) + len(other)
    if one[0] == other[0]:
        return _edits(one[1:], other[1:])
    tails = (one[1:], other), (one, other[1:]), (one[1:], other[1:])
    return 1 + min(_edits(*tail) for tail in tails)


def _reference(truth: str, answer: str) -> float:
    """The evaluation of https://rrc.cvc.uab.es/?ch=17: the distance of lower-case texts
    without runs of spaces, over the length of the longer as it was written."""
    edits = _edits(" ".join(truth.lower().split()), " ".join(answer.lower().split()))
    score = 1 - edits / max(len(truth.upper()), len(answer.upper()))
    return 0.0 if score < 0.5 else score


@pytest.mark.parametrize(("truth", "answer"), PAIRS)
def test_every_answer_of_the_table_scores_as_the_reference_has_it(truth: str, answer: str) -> None:
    expected = _reference(truth, extract(answer)) if answer.strip() else 0.0
    assert anls(answer, sample_with(truth)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("truth", "answer", "score"),
    [
        ("blue", "Blue", 1),
        ("blue", "bleu", 0.5),
        ("blue", "black", 0),
        ("United States", "United State", 12 / 13),
        ("5 kg", "5kg", 0.75),
        ("12%", "12", 2 / 3),
        ("blue", "", 0),
    ],
)
def test_scores_known_by_hand(truth: str, answer: str, score: float) -> None:
    assert anls(answer, sample_with(truth)) == pytest.approx(score)


def test_the_nearest_right_answer_counts() -> None:
    assert anls("USA", sample_with("United States", "USA")) == 1
