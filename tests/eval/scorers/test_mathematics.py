"""The same number or formula in another notation."""

from __future__ import annotations

import signal
import threading

import pytest

from thinkimg_eval.scorers import math

from .questions import sample_with


@pytest.mark.parametrize(
    ("truth", "answer"),
    [
        ("0.5", "1/2"),
        ("0.5", "\\frac{1}{2}"),
        ("\\frac{1}{2}", "\\boxed{0.5}"),
        ("1,000", "1000"),
        ("50%", "0.5"),
        ("x+1", "1+x"),
        ("\\sqrt{4}", "2"),
        ("blue", "Blue"),
        ("$5", "5"),
        ("-3", "-3.0"),
    ],
)
def test_notation_does_not_matter(truth: str, answer: str) -> None:
    assert math(answer, sample_with(truth)) == 1


@pytest.mark.parametrize(
    ("truth", "answer"),
    [("0.5", "0.51"), ("x+1", "x-1"), ("2", "-2"), ("blue", "black"), ("5", "no idea"), ("5", "")],
)
def test_value_does(truth: str, answer: str) -> None:
    assert math(answer, sample_with(truth)) == 0


@pytest.mark.parametrize("answer", ["9**9**9**9", "(" * 5000, "1+" * 3000 + "1"])
def test_a_monstrous_answer_is_wrong(answer: str) -> None:
    assert math(answer, sample_with("5")) == 0


def test_an_alarm_that_was_set_before_still_rings() -> None:
    before = signal.getitimer(signal.ITIMER_REAL)
    signal.setitimer(signal.ITIMER_REAL, 60)
    try:
        math("1/2", sample_with("0.5"))
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 60
    finally:
        signal.setitimer(signal.ITIMER_REAL, *before)


def test_another_thread_can_score_too() -> None:
    scores: list[float] = []
    sample = sample_with("0.5")

    def score() -> None:
        scores.extend(math(answer, sample) for answer in ("1/2", "10^{10^{10}}", "0.6"))

    thread = threading.Thread(target=score)
    thread.start()
    thread.join(timeout=30)
    assert scores == [1, 0, 0]
