"""Short runs of the tiny player."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from thinkimg_train.grpo import train
from thinkimg_train.grpo_config import GrpoConfig
from thinkimg_train.logbook import NUMBERS, read_numbers
from thinkimg_train.reading import read_config

GAMES = Path(__file__).with_name("games.py")


def words(out: Path, player: Path, mesh: str, game: str, **over: object) -> list[str]:
    """A run as a command line says it; `over` with __ for dots."""
    fields = {
        "out": out,
        "model__path": player,
        "task__name": f"{GAMES}:{game}",
        "mesh__address": mesh,
        "rollout__groups": 4,
        "rollout__group_size": 8,
        "rollout__max_image_pixels": 28 * 28,
        "limits__max_turns": 3,
        "limits__max_turn_tokens": 8,
        "schedule__steps": 3,
        "schedule__learning_rate": 3e-3,
        "retry__wait_s": 0.01,
        "log__tensorboard": "false",
        **over,
    }
    return [f"--{name.replace('__', '.')}={value}" for name, value in fields.items()]


def make_run(out: Path, player: Path, mesh: str, game: str, **over: object) -> Path:
    """The folder of the model that came out."""
    config = read_config(GrpoConfig, None, words(out, player, mesh, game, **over))
    return train(config, Console(quiet=True))


def numbers_of(out: Path) -> list[dict[str, float]]:
    """What was noted of each step, in order."""
    lines = read_numbers(out / NUMBERS)
    assert [line["step"] for line in lines] == list(range(len(lines)))
    return lines


def mean_of_last(out: Path, name: str, steps: int = 10) -> float:
    return sum(one[name] for one in numbers_of(out)[-steps:]) / steps
