"""V* and its choices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from thinkimg_eval.benchmarks.vstar import vstar

from .tiny import picture, write, write_table

ROW = {
    "text": "What is the material of the glove?\n(A) rubber\n(B) cotton\n(C) kevlar\n(D) leather\n"
    "Answer with the option's letter from the given choices directly.",
    "label": "A",
    "category": "direct_attributes",
}


@pytest.fixture
def original(tmp_path: Path) -> Path:
    row = {**ROW, "question_id": 0, "image": "direct_attributes/sa_4690.jpg"}
    write(tmp_path / "test_questions.jsonl", (json.dumps(row) + "\n").encode())
    write(tmp_path / "direct_attributes" / "sa_4690.jpg", picture())
    return tmp_path


@pytest.fixture
def tabled(tmp_path: Path) -> Path:
    row = {**ROW, "question_id": "0", "image": picture()}
    write_table(tmp_path / "data" / "test-00000-of-00001.parquet", [row])
    return tmp_path


@pytest.mark.parametrize("form", ["original", "tabled"])
def test_both_forms_give_the_question_with_its_choices(
    form: str, request: pytest.FixtureRequest
) -> None:
    task = vstar(path=request.getfixturevalue(form))
    [sample] = task.samples
    assert (sample.id, sample.category, sample.images) == (
        "vstar-0",
        "direct_attributes",
        (picture(),),
    )
    assert sample.details == {"choices": ["rubber", "cotton", "kevlar", "leather"]}
    scores = {answer: task.scorer(answer, sample) for answer in ("A", "(a)", "Rubber", "B", "")}
    assert scores == {"A": 1, "(a)": 1, "Rubber": 1, "B": 0, "": 0}
