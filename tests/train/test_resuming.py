"""A run that is broken off, anywhere and in any way, comes to what it would have come to."""

from __future__ import annotations

import asyncio
import os
import random
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
from thinkimg_train import sft

from ..mesh_fixtures import until
from .runs import curve_of, largest_difference, make_run, words

STEPS = 6
LORA = {"lora__rank": 4, "lora__dropout": 0.2}
"""Drop-out draws random numbers in every pass."""


class BrokenOff(Exception):
    pass


@contextmanager
def broken_off(at: int) -> Iterator[None]:
    """A run inside meets a fault in the middle of step `at`, counted from 0."""
    whole_step: Any = sft._make_step

    def faulty(run: Any, step: int, batches: Any) -> None:
        if step == at:
            next(batches)
            raise BrokenOff
        whole_step(run, step, batches)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(BrokenOff):  # noqa: PT012
        patch.setattr(sft, "_make_step", faulty)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, recorded: Path) -> Path:
    """The same run, never broken off."""
    out = tmp_path_factory.mktemp("whole")
    make_run(out, tiny_model, recorded)
    return out


def test_a_run_goes_on_to_the_very_same_weights(
    whole: Path, tiny_model: Path, recorded: Path, tmp_path: Path
) -> None:
    at = random.Random(os.getpid()).randrange(1, STEPS)
    with broken_off(at):
        make_run(tmp_path, tiny_model, recorded, checkpoint__every_steps=2)
    make_run(tmp_path, tiny_model, recorded, checkpoint__every_steps=2)
    assert curve_of(tmp_path) == curve_of(whole), f"broken off at step {at}"
    assert largest_difference(tmp_path / "model", whole / "model") == 0, f"broken off at step {at}"


def test_an_adapter_goes_on_with_the_very_same_random_numbers(
    tiny_model: Path, recorded: Path, tmp_path: Path
) -> None:
    make_run(tmp_path / "whole", tiny_model, recorded, **LORA)
    with broken_off(3):
        make_run(tmp_path / "broken", tiny_model, recorded, checkpoint__every_steps=1, **LORA)
    make_run(tmp_path / "broken", tiny_model, recorded, checkpoint__every_steps=1, **LORA)
    assert curve_of(tmp_path / "broken") == curve_of(tmp_path / "whole")
    assert largest_difference(tmp_path / "broken/model", tmp_path / "whole/model") == 0


def test_a_process_that_is_killed_leaves_what_the_next_goes_on_from(
    whole: Path, tiny_model: Path, recorded: Path, tmp_path: Path
) -> None:
    asked = words(tmp_path, tiny_model, recorded, checkpoint__every_steps=1)
    process = subprocess.Popen(
        [sys.executable, "-m", "thinkimg_train.sft", *asked],
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
    make_run(tmp_path, tiny_model, recorded, checkpoint__every_steps=1)
    assert curve_of(tmp_path) == curve_of(whole)
    assert largest_difference(tmp_path / "model", whole / "model") == 0


def test_a_run_that_is_over_is_not_made_again(
    whole: Path, tiny_model: Path, recorded: Path
) -> None:
    before = (whole / "log.jsonl").read_bytes()
    assert make_run(whole, tiny_model, recorded) == whole / "model"
    assert (whole / "log.jsonl").read_bytes() == before


def test_another_run_in_the_same_folder_is_refused(
    whole: Path, tiny_model: Path, recorded: Path
) -> None:
    with pytest.raises(InvalidRequest, match=r"config\.seed was 0 and is 1"):
        make_run(whole, tiny_model, recorded, seed=1)
