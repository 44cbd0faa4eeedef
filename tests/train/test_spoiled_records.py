"""Records in which anything may have gone wrong: none of them stops a run."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thinkimg_agent.trajectory_file import TRAJECTORIES
from thinkimg_train.data_config import DataSection
from thinkimg_train.dataset import open_dataset
from thinkimg_train.samples import TrainingSample

from ..workers.tiny_checkpoints import save_qwen_vl
from .recorded import dialect_named, record_three_turns

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=3,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_qwen_vl(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    record_three_turns(folder, dialect_named("hermes"), 1)
    return folder


@pytest.fixture(scope="module")
def record(run: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((run / TRAJECTORIES).read_text())
    return loaded


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to all that is inside a record."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, one in inside:
        found.append((*path, key))
        if isinstance(one, dict | list):
            found += places_in(one, (*path, key))
    return found


def spoiled(record: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    copy = deepcopy(record)
    inside: Any = copy
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    return copy


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_spoiled_record_is_trained_on_or_named_and_the_next_is_trained_on(
    run: Path, model: str, record: dict[str, Any], data: st.DataObject
) -> None:
    place = data.draw(st.sampled_from(places_in(record)), "place")
    bad = spoiled(record, place, data.draw(anything, "value"))
    file = run / "spoiled.jsonl"
    file.write_text(f"{json.dumps(bad)}\n{json.dumps(record)}\n")
    for index in run.glob(".*.index"):
        index.unlink()
    section = DataSection(trajectories=(file,), max_pixels=1 << 14, dialect="openthinkimg")
    dataset = open_dataset(section, model)
    assert len(dataset) + len(dataset.left_out) == 2
    assert all(one.reason and "line 1" in one.source for one in dataset.left_out)
    for number in range(len(dataset)):
        sample = dataset[number]
        assert isinstance(sample, TrainingSample)
        assert len(sample) == dataset.lengths.tokens[number]
