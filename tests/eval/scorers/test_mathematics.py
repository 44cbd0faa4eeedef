"""The same number or formula in another notation."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from thinkimg_eval.scorers import formulas, math

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


@pytest.mark.parametrize("answer", ["9**9**9**9", "9^9^9^9", "(" * 5000, "1+" * 3000 + "1"])
def test_a_monstrous_answer_is_wrong_and_the_next_is_scored_again(answer: str) -> None:
    assert math(answer, sample_with("5")) == 0
    assert math("\\frac{10}{2}", sample_with("5")) == 1


def test_a_checker_that_dies_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert math("10/2", sample_with("5")) == 1
    process = formulas._CHECKER._process
    assert process is not None
    process.kill()
    process.wait()
    assert math("10/2", sample_with("5")) == 1


_FORK = """
import os
from thinkimg_eval.scorers.formulas import same_formula

assert same_formula("10/2", "5")
child = os.fork()
if not child:
    os._exit(7 if same_formula("10/2", "5") else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert same_formula("10/2", "5")
"""


def test_a_fork_has_a_checker_of_its_own() -> None:
    subprocess.run([sys.executable, "-c", _FORK], check=True, timeout=60)


def test_every_thread_gets_the_same_scores() -> None:
    sample = sample_with("0.01")
    answers = ["10^{-2}", "1/100", "0.1", "1%"] * 4
    here = [math(answer, sample) for answer in answers]
    with ThreadPoolExecutor(4) as pool:
        there = list(pool.map(lambda answer: math(answer, sample), answers))
    assert here == there == [1, 1, 0, 1] * 4
