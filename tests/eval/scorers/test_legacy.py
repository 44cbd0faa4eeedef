"""OpenThinkIMG's published rule, with the scores that its own code gives.

Recorded from `evaluate_function` of tool_server/tf_eval/tasks/chartgemma/task.py
(https://github.com/OpenThinkIMG/OpenThinkIMG, commit 765c903) with math-verify 0.9.0
and thefuzz 0.22.1, on answers as its `extract_final_answer` takes them out of
`{"name": "Terminate", "arguments": {"ans": "…"}}`: with their quotation marks.
"""

from __future__ import annotations

import pytest

from thinkimg_eval.scorers import openthinkimg_fuzzy

from .questions import sample_with

RECORDED = [
    ("blue", "black", 0.36),
    ("blue", "blue", 1.0),
    ("42", "42", 1.0),
    ("42", "43", 0.33),
    ("42%", "42", 1.0),
    ("42", "42%", 0.0),
    ("42", "42.0", 1.0),
    ("42", "42.7", 0.0),
    ("42%", "42%", 1.0),
    ("yes", "no", 0.0),
    ("0.5", "1/2", 1.0),
    ("1,000", "1000", 1.0),
    ("Blue", "BLUE", 1.0),
    ("3", "three", 0.0),
    ("light blue", "blue", 0.5),
    ("St. Louis", "St. Louis", 1.0),
    ("$5", "5", 1.0),
    ("25", "25 million", 0.29),
    ("[1,2]", "1,2", 0.6),
    ("1000", "1e3", 0.22),
]


@pytest.mark.parametrize(("truth", "answer", "score"), RECORDED)
def test_an_answer_scores_what_the_published_code_gives_it(
    truth: str, answer: str, score: float
) -> None:
    assert openthinkimg_fuzzy(answer, sample_with(truth)) == score


def test_a_missing_answer_gets_none_of_the_credit_it_gets_there() -> None:
    # Where there is no answer, the published code scores the word None: 0.86 for "one".
    assert openthinkimg_fuzzy("", sample_with("one")) == 0
