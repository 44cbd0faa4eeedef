"""ChartQAPro and its metric."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_agent.sample import Sample
from thinkimg_eval.benchmarks.chartqapro import chartqapro
from thinkimg_eval.benchmarks.chartqapro_score import chartqapro_score

from .tiny import picture, write_table

FACTOID = {
    "Question": ["Which years had a loss?"],
    "Answer": ["['2008', '2009']"],
    "Question Type": "Factoid",
    "image": picture(1),
    "Year": ["YES", "YES"],
    "Paragraph": "",
}
TALK = {
    "Question": ["What is sold?", "And how much of it?"],
    "Answer": ["Tea", "12.5 million"],
    "Question Type": "Conversational",
    "image": picture(2),
    "Year": ["NO", "NO"],
    "Paragraph": "A report on drinks.",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # Its images are plain bytes, not the library's type.
    write_table(tmp_path / "data" / "test-0.parquet", [FACTOID, TALK], images=False)
    return tmp_path


def test_a_conversation_asks_its_last_question_with_what_was_said_before(folder: Path) -> None:
    task = chartqapro(path=folder)
    sample = task.samples[1]
    assert sample.question.splitlines()[:4] == [
        "A report on drinks.",
        "Q: What is sold?",
        "A: Tea",
        "And how much of it?",
    ]
    assert (sample.truth, sample.category, sample.images) == (
        "12.5 million",
        "Conversational",
        (picture(2),),
    )


def test_years_must_be_the_very_same(folder: Path) -> None:
    task = chartqapro(path=folder)
    scores = {
        answer: task.scorer(answer, task.samples[0])
        for answer in ("['2008', '2009']", "['2008', '2010']", "['2008']", "2008", "")
    }
    assert scores == {
        "['2008', '2009']": 1,
        "['2008', '2010']": 0.5,
        "['2008']": 0.5,
        "2008": 0.5,
        "": 0,
    }


# What evaluate_predictions.py of https://github.com/vis-nlp/ChartQAPro gives, recorded.
@pytest.mark.parametrize(
    ("truth", "answer", "score"),
    [
        ("42", "44", 1),
        ("42", "45", 0),
        ("12%", "12", 1),
        ("12%", "0.12", 0),
        ("0", "0.0", 1),
        ("0", "0.01", 0),
        ("blue", "Blue", 1),
        ("blue", "bleu", 0),
        ("United States", "United State", 12 / 13),
        ("1,234", "1234", 0.8),
        ("[red, green]", "['red', 'green']", 1),
        ("[red, green]", "['green', 'red']", 0),
        ("[1, 2]", "[1, 2]", 1),
        ("[1, 2]", "[1, 2, 3]", 2 / 3),
        ("unanswerable", "unanswerable", 1),
        ("true", "false", 0),
        ("a", "A", 1),
    ],
)
def test_scores_are_those_of_the_published_code(truth: str, answer: str, score: float) -> None:
    sample = Sample(id="1", question="?", images=(), truth=truth, details={"years": [False]})
    assert chartqapro_score(answer, sample) == pytest.approx(score)


@given(st.text(max_size=30), st.text(min_size=1, max_size=30).filter(lambda text: text.strip()))
def test_no_answer_raises_or_leaves_the_scale(answer: str, truth: str) -> None:
    sample = Sample(id="1", question="?", images=(), truth=truth, details={"years": [False]})
    assert 0 <= chartqapro_score(answer, sample) <= 1
