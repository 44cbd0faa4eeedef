"""Short training runs of a tiny model."""

from __future__ import annotations

from pathlib import Path

import torch
from rich.console import Console
from safetensors.torch import load_file

from thinkimg_train.config import SftConfig
from thinkimg_train.logbook import NUMBERS, read_numbers
from thinkimg_train.reading import read_config
from thinkimg_train.sft import train


def words(out: Path, model: Path, recorded: Path, **over: object) -> list[str]:
    """Six steps over ten recorded episodes, as a command line says it; `over` with __ for dots."""
    fields = {
        "out": out,
        "model__path": model,
        "data__trajectories": recorded,
        "data__max_pixels": 1 << 14,
        "batch__episodes": 4,
        "batch__tokens": 3600,
        "schedule__epochs": 2,
        "schedule__learning_rate": 1e-2,
        "log__tensorboard": "false",
        **over,
    }
    return [f"--{name.replace('__', '.')}={value}" for name, value in fields.items()]


def make_run(out: Path, model: Path, recorded: Path, **over: object) -> Path:
    """The folder of the model that came out."""
    config = read_config(SftConfig, None, words(out, model, recorded, **over))
    return train(config, Console(quiet=True))


def curve_of(out: Path) -> list[float]:
    """The loss of each step, in order."""
    lines = read_numbers(out / NUMBERS)
    assert [line["step"] for line in lines] == list(range(len(lines)))
    return [line["loss"] for line in lines]


def weights_of(model: Path) -> dict[str, torch.Tensor]:
    return load_file(model / "model.safetensors")


def largest_difference(first: Path, second: Path) -> float:
    one, other = weights_of(first), weights_of(second)
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)
