"""ReachQA, with and without a judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from thinkimg_eval.benchmarks.reachqa import reachqa

from .tiny import picture, write, write_table

ROW = {
    "data_id": "reachqa-test-00001",
    "plot_id": "reachqa-test-plot-00001",
    "code": "code/00001.py",
    "plot_level": "Hard",
    "major_chart_type": "Bar Charts",
    "question": "What colour is used for sales?",
    "answer": "Violet red",
}


def _released(folder: Path) -> None:
    row = {**ROW, "QA_type": "Recognizing", "image": "images/00001.jpg"}
    write(folder / "instruction_data_2k.json", [row])
    write(folder / "images" / "00001.jpg", picture())


def _short(folder: Path) -> None:
    row = {name: ROW[name] for name in ("question", "answer")}
    write(folder / "data.json", [{**row, "split": "Recognizing", "image": "images/00001.jpg"}])
    write(folder / "images" / "00001.jpg", picture())


def _tabled(folder: Path) -> None:
    rows = [{**ROW, "qa_type": "Recognition", "image": picture()}]
    write_table(folder / "data" / "test-00000-of-00001.parquet", rows)


@pytest.mark.parametrize("form", [_released, _short, _tabled])
def test_every_form_gives_the_question_by_kind(form: Any, tmp_path: Path) -> None:
    form(tmp_path)
    [sample] = reachqa(path=tmp_path).samples
    assert (sample.id, sample.category) == ("reachqa-test-00001", "recognition")
    assert (sample.truth, sample.images) == ("Violet red", (picture(),))


def test_without_a_judge_the_name_says_that_rules_decide(tmp_path: Path) -> None:
    _released(tmp_path)
    task = reachqa(path=tmp_path)
    assert task.name == "reachqa-rules"
    assert task.scorer("violet red", task.samples[0]) == 1
    assert reachqa(path=tmp_path, judge="openai:gpt-4o").name == "reachqa-judged"
