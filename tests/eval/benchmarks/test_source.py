"""What every benchmark says where its questions are not to be had."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from thinkimg_eval.benchmarks import chartgemma, chartqa, chartqapro, reachqa, vstar
from thinkimg_eval.benchmarks.charxiv import task as charxiv
from thinkimg_eval.task import Task
from thinkimg_rpc.errors import InvalidRequest

from .tiny import picture, write_table

TASKS: list[Callable[..., Task]] = [
    chartgemma.chartgemma,
    chartqa.chartqa,
    chartqapro.chartqapro,
    charxiv.charxiv,
    reachqa.reachqa,
    vstar.vstar,
]


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing answers there, and nothing of it is in the cache."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_without_the_hub_one_line_says_what_to_put_where(
    task: Callable[..., Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = inspect.getmodule(task)
    name = "HUB_TABLES" if task is vstar.vstar else "SOURCE"
    absent = dataclasses.replace(getattr(module, name), repository="thinkimg-rpc/absent")
    monkeypatch.setattr(module, name, absent)
    with pytest.raises(InvalidRequest) as raised:
        task()
    said = str(raised.value)
    assert "\n" not in said
    assert said.startswith("task.path: split ")
    assert "download https://huggingface.co/datasets/thinkimg-rpc/absent and give " in said


def test_what_the_hub_has_is_read_with_its_images_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"type": "human_test", "question": "?", "answer": "3", "image": picture()}
    write_table(tmp_path / "hub" / "data" / "test-00000-of-00001.parquet", [row])
    # The library reads a folder as it reads a repository.
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", lambda *_, **__: None)
    hub = dataclasses.replace(chartqa.SOURCE, repository=str(tmp_path / "hub"))
    monkeypatch.setattr(chartqa, "SOURCE", hub)
    [sample] = chartqa.chartqa().samples
    assert (sample.truth, sample.category, sample.images) == ("3", "human", (picture(),))


@pytest.mark.usefixtures("no_hub")
def test_whether_the_library_thinks_it_is_offline_is_left_as_it_was() -> None:
    import datasets
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    with pytest.raises(InvalidRequest):
        dataclasses.replace(chartqa.SOURCE, repository="thinkimg-rpc/absent").hub_rows("test")
    after = constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    assert after == before
