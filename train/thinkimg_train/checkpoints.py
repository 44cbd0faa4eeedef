"""Checkpoints: folders that are there whole or not at all, whenever the process is killed."""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

_NAME = re.compile(r"step_(\d+)")
_RANDOM = "random_{}.pt"


class Checkpoints:
    """Those of one run."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self._keep = keep

    def newest(self) -> Path | None:
        return max(self._all(), key=step_of, default=None)

    def at(self, step: int) -> Path:
        return self.folder / f"step_{step:07d}"

    def begin(self, step: int) -> Path:
        """An empty folder to fill, which is no checkpoint yet; for one process to call."""
        partial = self.unfinished(step)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        return partial

    def finish(self, step: int) -> Path:
        """Make it a checkpoint in one move, and let go of the oldest; for one process to call."""
        place = self.at(step)
        _put(self.unfinished(step), place)
        for old in sorted(self._all(), key=step_of)[: -self._keep]:
            # Renamed first: a half-deleted folder must not look like a checkpoint.
            doomed = old.rename(old.with_name(f".{old.name}.old"))
            shutil.rmtree(doomed)
        return place

    def clear_leftovers(self) -> None:
        """Delete what a killed process was writing or deleting; for one process to call."""
        for leftover in self.folder.glob(".step_*"):
            shutil.rmtree(leftover)

    def unfinished(self, step: int) -> Path:
        """What `begin` has made, until it is finished."""
        return self.folder / f".{self.at(step).name}.partial"

    def _all(self) -> list[Path]:
        return [path for path in self.folder.glob("step_*") if _NAME.fullmatch(path.name)]


def step_of(checkpoint: Path) -> int:
    """How many steps had been made."""
    found = _NAME.fullmatch(checkpoint.name)
    if found is None:
        raise ValueError(f"{checkpoint} is no checkpoint")
    return int(found[1])


def save_random_state(folder: Path, rank: int) -> None:
    """All that this process draws random numbers from."""
    kind, keys, *rest = np.random.get_state(legacy=True)
    state = {
        "python": random.getstate(),
        "numpy": (str(kind), [int(key) for key in keys], *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
    }
    torch.save(state, folder / _RANDOM.format(rank))


def load_random_state(folder: Path, rank: int) -> None:
    """Go on from what `save_random_state` wrote for this process."""
    state = torch.load(folder / _RANDOM.format(rank), map_location="cpu", weights_only=True)
    random.setstate(state["python"])
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"])


def finish_folder(place: Path, fill: Callable[[Path], None]) -> None:
    """Fill a folder that is there whole or not at all; an earlier one of that name goes."""
    partial = place.with_name(f".{place.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    fill(partial)
    _put(partial, place)


def _put(partial: Path, place: Path) -> None:
    _to_disk(partial)
    if place.exists():
        shutil.rmtree(place)
    partial.rename(place)
    _sync(place.parent)


def _to_disk(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        _sync(path)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
