"""What `extract` takes for the answer, and what it leaves alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_eval.scorers import extract

CASES = {
    "42": "42",
    "  42\n": "42",
    "42.": "42",
    "3.5": "3.5",
    ".5": ".5",
    "-1.5%": "-1.5%",
    ".": ".",
    "": "",
    " \n": "",
    "The answer is 42.": "42",
    "the final answer is: Blue": "Blue",
    "Answer: 12.5%": "12.5%",
    "**Answer:** 12.5%": "12.5%",
    "**The answer is 7.**": "7",
    "So the answer is 7": "7",
    "Therefore, the answer is $5": "$5",
    "The bar is red.\nAnswer: red": "red",
    "Answer: red\nI am sure of it.": "Answer: red\nI am sure of it",
    "<answer>blue</answer>": "blue",
    "<think>red?</think><answer> blue. </answer>": "blue",
    "<answer>red</answer> no, <answer>blue</answer>": "blue",
    "<answer></answer>": "<answer></answer>",
    "It is \\boxed{42}.": "42",
    "\\boxed{\\frac{1}{2}}": "\\frac{1}{2}",
    "\\boxed{1} or \\boxed{2}": "2",
    "\\boxed{never closed": "\\boxed{never closed",
    "**Blue**": "Blue",
    '"Blue."': "Blue",
    "`x`": "x",
    "$12$": "12",
    "$12": "$12",
    '"a" and "b"': '"a" and "b"',
    # Prose is nobody's to search.
    "The bar for 2019 is at 42": "The bar for 2019 is at 42",
    "The answer isn't there": "The answer isn't there",
    "Answers vary": "Answers vary",
    "Answer": "Answer",
}


@pytest.mark.parametrize(("text", "answer"), CASES.items())
def test_the_answer_is_what_the_text_plainly_marks_as_it(text: str, answer: str) -> None:
    assert extract(text) == answer


@given(st.text())
def test_no_text_is_too_odd_and_none_becomes_blank(text: str) -> None:
    assert bool(extract(text).strip()) == bool(text.strip())


@given(st.from_regex(r"[A-Za-z0-9%,-]+( [a-z0-9]+)*", fullmatch=True))
def test_a_bare_answer_is_itself(text: str) -> None:
    assert extract(text) == text
