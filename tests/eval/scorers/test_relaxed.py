"""ChartQA's relaxed accuracy, as others compute it."""

from __future__ import annotations

import math

import pytest

from thinkimg_eval.scorers import extract, relaxed

from .answer_table import PAIRS
from .questions import sample_with


def _reference(truth: str, answer: str) -> float:
    """What https://github.com/google-research/pix2struct (metrics.py) describes, and
    lmms-eval and VLMEvalKit repeat: both numbers, and the truth not 0: at most 5% apart;
    else the same text in lower case."""
    numbers = []
    for text in (truth, answer):
        scale = 0.01 if text.endswith("%") else 1.0
        try:
            numbers.append(scale * float(text.rstrip("%") if scale != 1.0 else text))
        except ValueError:
            numbers.append(math.nan)
    right, said = numbers
    if math.isnan(right) or math.isnan(said) or right == 0:
        return float(truth.lower() == answer.lower())
    return float(math.fabs(said - right) / math.fabs(right) <= 0.05)


def test_the_table_is_long_enough_to_mean_something() -> None:
    assert len(PAIRS) >= 150


# "inf" and "nan" are numbers to the reference, and never near themselves: text to us.
@pytest.mark.parametrize(
    ("truth", "answer"), [pair for pair in PAIRS if pair[0] not in ("inf", "nan")]
)
def test_every_answer_of_the_table_scores_as_the_reference_has_it(truth: str, answer: str) -> None:
    expected = _reference(truth, extract(answer)) if answer.strip() else 0.0
    assert relaxed(answer, sample_with(truth)) == expected


@pytest.mark.parametrize(
    ("truth", "answer", "score"),
    [
        ("42", "44.09", 1),
        # Exactly 5%, which binary fractions put past it, in the published code as well.
        ("42", "44.1", 0),
        ("42", "44.2", 0),
        ("12%", "0.12", 1),
        ("12%", "12", 0),
        ("1000", "1e3", 1),
        ("1000", "1,000", 0),
        ("1,234", "1,234", 1),
        ("-7.5", "7.5", 0),
        ("0", "0.0", 0),
        ("blue", "BLUE", 1),
        ("2019", "1999", 1),
        ("42", "The answer is 42.", 1),
        ("42", "\\boxed{42}", 1),
        ("42", "", 0),
        ("inf", "inf", 1),
        ("nan", "NaN", 1),
    ],
)
def test_scores_known_by_hand(truth: str, answer: str, score: float) -> None:
    assert relaxed(answer, sample_with(truth)) == score


def test_a_sample_can_have_a_tolerance_of_its_own() -> None:
    assert relaxed("11", sample_with("10", tolerance=0.1)) == 1
    assert relaxed("11", sample_with("10")) == 0
    assert relaxed("10.4", sample_with("10", tolerance=0)) == 0


def test_any_accepted_answer_is_as_right() -> None:
    assert relaxed("seven", sample_with("7", "seven")) == 1
    assert relaxed("8", sample_with("7", "seven")) == 0


def test_without_a_truth_there_is_no_score() -> None:
    with pytest.raises(ValueError, match="no truth"):
        relaxed("7", sample_with(None))
