"""A run that is broken off, anywhere and in any way, comes to what it would have come to."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train import grpo

from ...mesh_fixtures import until
from ..runs import largest_difference
from .runs import make_run, numbers_of, words

GAME = "only_the_tool_wins"
SETTINGS = {
    "schedule__steps": 5,
    "rollout__groups": 2,
    "rollout__group_size": 4,
    # Alone in its pass, a turn is the same to the last digit whenever it comes.
    "rollout__batch": 1,
    "checkpoint__every_steps": 1,
}
TIMES = ("seconds", "rollout_s", "update_s", "tokens_per_s", "model_s", "tool_s", "paused_s")


class BrokenOff(Exception):
    pass


@contextmanager
def broken_off(at: int) -> Iterator[None]:
    """A run inside meets a fault after the episodes of step `at`, counted from 0, were played."""
    whole: Any = grpo._learn

    def faulty(run: Any, gathered: Any, step: int, rate: float) -> Any:
        if step == at:
            raise BrokenOff
        return whole(run, gathered, step, rate)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(BrokenOff):  # noqa: PT012
        patch.setattr(grpo, "_learn", faulty)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, player: Path, echo_mesh: str) -> Path:
    """The same run, never broken off."""
    out = tmp_path_factory.mktemp("whole")
    make_run(out, player, echo_mesh, GAME, **SETTINGS)
    return out


def curve_of(out: Path) -> list[dict[str, float]]:
    """All that was noted of each step, but for how long it took."""
    return [
        {name: value for name, value in step.items() if name not in TIMES}
        for step in numbers_of(out)
    ]


def test_a_run_goes_on_to_the_very_same_weights(
    whole: Path, player: Path, echo_mesh: str, tmp_path: Path
) -> None:
    with broken_off(3):
        make_run(tmp_path, player, echo_mesh, GAME, **SETTINGS | {"checkpoint__every_steps": 2})
    make_run(tmp_path, player, echo_mesh, GAME, **SETTINGS | {"checkpoint__every_steps": 2})
    assert curve_of(tmp_path) == curve_of(whole)
    assert largest_difference(tmp_path / "model", whole / "model") == 0


def test_an_adapter_goes_on_to_the_very_same_weights(
    player: Path, echo_mesh: str, tmp_path: Path
) -> None:
    settings = SETTINGS | {"lora__rank": 4, "loss__kl_weight": 0.1}
    make_run(tmp_path / "whole", player, echo_mesh, GAME, **settings)
    with broken_off(3):
        make_run(tmp_path / "broken", player, echo_mesh, GAME, **settings)
    make_run(tmp_path / "broken", player, echo_mesh, GAME, **settings)
    assert curve_of(tmp_path / "broken") == curve_of(tmp_path / "whole")
    assert largest_difference(tmp_path / "broken/model", tmp_path / "whole/model") == 0


@pytest.mark.timeout(300)
def test_a_process_that_is_killed_leaves_what_the_next_goes_on_from(
    whole: Path, player: Path, echo_mesh: str, tmp_path: Path
) -> None:
    asked = words(tmp_path, player, echo_mesh, GAME, **SETTINGS)
    process = subprocess.Popen(
        [sys.executable, "-m", "thinkimg_train.grpo", *asked],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # As many as here: sums are added up in an order that depends on it.
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
    )
    log = tmp_path / "log.jsonl"
    # The third step is noted just before its checkpoint is written.
    asyncio.run(until(lambda: log.exists() and log.read_text().count("\n") >= 3, 90))
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    make_run(tmp_path, player, echo_mesh, GAME, **SETTINGS)
    assert curve_of(tmp_path) == curve_of(whole)
    assert largest_difference(tmp_path / "model", whole / "model") == 0


def test_another_run_in_the_same_folder_is_refused(
    whole: Path, player: Path, echo_mesh: str
) -> None:
    with pytest.raises(InvalidRequest, match=r"config\.seed was 0 and is 1"):
        make_run(whole, player, echo_mesh, GAME, **SETTINGS, seed=1)
