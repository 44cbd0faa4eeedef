"""Checkpoints are there whole or not at all."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch

from thinkimg_train.checkpoints import (
    Checkpoints,
    finish_folder,
    load_random_state,
    save_random_state,
    step_of,
)


def written(checkpoints: Checkpoints, step: int) -> Path:
    (checkpoints.begin(step) / "weights").write_text(str(step))
    return checkpoints.finish(step)


def test_one_that_is_being_written_is_not_the_newest(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=2)
    assert checkpoints.newest() is None
    first = written(checkpoints, 5)
    (checkpoints.begin(10) / "weights").write_text("half")
    assert checkpoints.newest() == first
    assert step_of(first) == 5


def test_the_newest_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (9, 10, 100):
        written(checkpoints, step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step_0000010", "step_0000100"]
    assert checkpoints.newest() == checkpoints.at(100)


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=1)
    kept = written(checkpoints, 1)
    checkpoints.begin(2)
    (tmp_path / ".step_0000000.old").mkdir()
    checkpoints.clear_leftovers()
    assert list(tmp_path.iterdir()) == [kept]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    place = tmp_path / "model"
    finish_folder(place, lambda folder: (folder / "old").touch())
    finish_folder(place, lambda folder: (folder / "new").touch())
    assert [path.name for path in place.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [place]


def test_random_numbers_go_on_where_they_were(tmp_path: Path) -> None:
    def drawn() -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    save_random_state(tmp_path, rank=1)
    expected = drawn()
    load_random_state(tmp_path, rank=1)
    assert drawn() == expected
