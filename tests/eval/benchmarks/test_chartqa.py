"""ChartQA with its two parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from thinkimg_eval.benchmarks.chartqa import chartqa
from thinkimg_rpc.errors import InvalidRequest

from .tiny import picture, write, write_table


@pytest.fixture
def released(tmp_path: Path) -> Path:
    human = [{"imgname": "1.png", "query": "How many bars?", "label": "3"}]
    augmented = [{"imgname": "2.png", "query": "What is the value in 2019?", "label": "20.5"}]
    write(tmp_path / "test" / "test_human.json", human)
    write(tmp_path / "test" / "test_augmented.json", augmented)
    write(tmp_path / "test" / "png" / "1.png", picture(1))
    write(tmp_path / "test" / "png" / "2.png", picture(2))
    return tmp_path


@pytest.fixture
def tabled(tmp_path: Path) -> Path:
    rows = [
        {"type": "human_test", "question": "How many bars?", "answer": "3", "image": picture(1)},
        {
            "type": "augmented_test",
            "question": "What is the value in 2019?",
            "answer": "20.5",
            "image": picture(2),
        },
    ]
    write_table(tmp_path / "data" / "test-00000-of-00001.parquet", rows)
    return tmp_path


@pytest.mark.parametrize("form", ["released", "tabled"])
def test_both_forms_give_the_same_questions_by_part(
    form: str, request: pytest.FixtureRequest
) -> None:
    task = chartqa(path=request.getfixturevalue(form))
    assert [(one.category, one.question, one.truth, one.images) for one in task.samples] == [
        ("human", "How many bars?", "3", (picture(1),)),
        ("augmented", "What is the value in 2019?", "20.5", (picture(2),)),
    ]
    assert len({one.id for one in task.samples}) == 2


def test_numbers_may_be_five_percent_off(released: Path) -> None:
    task = chartqa(path=released)
    assert [task.scorer(answer, task.samples[1]) for answer in ("21", "22", "")] == [1, 0, 0]


def test_images_are_read_when_a_sample_is_asked_for(released: Path) -> None:
    task = chartqa(path=released)
    (released / "test" / "png" / "2.png").unlink()
    assert task.samples[0].images == (picture(1),)
    with pytest.raises(FileNotFoundError):
        task.samples[1]


def test_a_folder_without_it_is_told_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"test_human\.json"):
        chartqa(path=tmp_path)
