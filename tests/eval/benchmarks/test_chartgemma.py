"""OpenThinkIMG's test of ChartGemma."""

from __future__ import annotations

from pathlib import Path

import pytest

from thinkimg_eval.benchmarks.chartgemma import chartgemma
from thinkimg_rpc.errors import InvalidRequest

from .tiny import picture, write, write_table

ROWS = [
    {
        "image_path": "/mnt/somewhere/datasets/chartgemma_cot/0.png",
        "question": "Which bar is the tallest?",
        "label": "<answer> blue </answer>",
    },
    {"image_path": "1.png", "question": "How many?", "label": "<answer> 42 </answer>"},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "chartgemma_test.json", ROWS)
    write(tmp_path / "chartgemma_cot" / "0.png", picture(10))
    write(tmp_path / "1.png", picture(20))
    return tmp_path


@pytest.mark.parametrize("given", [".", "chartgemma_test.json"])
def test_the_published_json_is_read_with_its_images_wherever_they_lie(
    folder: Path, given: str
) -> None:
    task = chartgemma(path=folder / given)
    assert [(one.question, one.truth, one.images) for one in task.samples] == [
        ("Which bar is the tallest?", "blue", (picture(10),)),
        ("How many?", "42", (picture(20),)),
    ]


def test_the_tables_of_the_hub_are_read(tmp_path: Path) -> None:
    row = {"question": "How many?", "label": "<answer> 42 </answer>", "image": picture()}
    write_table(tmp_path / "data" / "train-00000-of-00001.parquet", [row])
    [sample] = chartgemma(path=tmp_path).samples
    assert (sample.truth, sample.images) == ("42", (picture(),))


async def test_the_published_rule_and_ours_are_two_tasks(folder: Path) -> None:
    ours = chartgemma(path=folder)
    published = chartgemma(path=folder, scorer="openthinkimg_fuzzy")
    assert ours.scorer("black", ours.samples[0]) == 0
    assert published.scorer("black", published.samples[0]) == 0.36
    assert (ours.name, published.name) == ("chartgemma", "chartgemma-openthinkimg_fuzzy")


def test_a_picture_that_is_missing_is_named(folder: Path) -> None:
    (folder / "1.png").unlink()
    with pytest.raises(InvalidRequest, match=r"no image 1\.png"):
        chartgemma(path=folder).samples[1]


def test_a_folder_without_it_is_told_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"0 JSON files.*its JSON file"):
        chartgemma(path=tmp_path)


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "x.json", b"{")
    with pytest.raises(InvalidRequest, match=r"x\.json cannot be read"):
        chartgemma(path=file)
