"""The cases that docs/scorers.md shows are what the scorers give."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from thinkimg_eval.scorers import SCORERS, extract

from .questions import sample_with

PAGE = (Path(__file__).parents[3] / "docs" / "scorers.md").read_text()
_CASE = re.compile(r"^\| `(.+?)` \| `(.+?)` \| ([\d.]+) \|", re.MULTILINE)
SECTIONS = {
    name: section for name, _, section in (part.partition("\n") for part in PAGE.split("\n## ")[1:])
}
CASES = [
    (name, truth, answer, float(score))
    for name, section in SECTIONS.items()
    for truth, answer, score in _CASE.findall(section)
]


@pytest.mark.parametrize("name", SCORERS)
def test_every_scorer_has_its_section_with_cases(name: str) -> None:
    assert len([case for case in CASES if case[0] == name]) >= 5


@pytest.mark.parametrize(("name", "truth", "answer", "score"), CASES)
def test_a_case_of_the_page_scores_what_it_says(
    name: str, truth: str, answer: str, score: float
) -> None:
    sample = sample_with(truth, choices=["cat", "dog", "12"])
    assert SCORERS[name](answer, sample) == pytest.approx(score, abs=5e-4)


def test_the_example_of_the_page_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    [code] = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    exec(code, {})
    assert capsys.readouterr().out.strip() == re.findall(r"# ([\d.]+)$", code, re.MULTILINE)[0]


def test_prose_is_not_searched_as_the_page_says() -> None:
    assert extract("The bar of 2019 is at 42") == "The bar of 2019 is at 42"
