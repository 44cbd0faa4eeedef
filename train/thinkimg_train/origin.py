"""Where a model comes from: enough to make it anew, and to refuse to go on with something else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from thinkimg_eval.run.folder import write_json
from thinkimg_eval.run.origin import commit, flat
from thinkimg_eval.tasks import OpenedTask
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.bad_data import counts_of
from thinkimg_train.config import SftConfig
from thinkimg_train.dataset import EpisodeDataset
from thinkimg_train.grpo_config import GrpoConfig

RUN = "run.json"
CARD = "card.json"
_MAY_CHANGE = (
    "config.out",
    "config.checkpoint.",
    "config.log.",
    "config.evaluation.",
    "config.trajectories.",
    "config.tripwires.",
    "config.mesh.",
    "config.retry.",
    "config.pause.",
    "config.rollout.base_url",
    "commits",
)
"""What a run that goes on may have otherwise than before: none of it changes a weight."""


class DataOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """What is trained on."""

    fingerprint: str
    """Of the samples and their order."""
    cards: dict[str, str]
    """The hash of each folder's data card, where it has one."""
    episodes: int
    """Or questions, of a task."""
    left_out: dict[str, int]
    """How many of each kind of reason."""


class TrainingOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """`run.json`; also in every checkpoint and beside the model that came out."""

    config: dict[str, Any]
    data: DataOrigin
    processes: int
    commits: list[str]
    """Of this project; more than one if it changed before the run was finished."""


def origin_of(config: SftConfig, dataset: EpisodeDataset, processes: int) -> TrainingOrigin:
    """Where the model that comes out of a run will come from."""
    # As it will be read back: a Path is text, and a tuple a list.
    told = msgspec.json.decode(msgspec.json.encode(config, enc_hook=str))
    return TrainingOrigin(
        config=told,
        data=DataOrigin(
            fingerprint=dataset.fingerprint,
            cards=_cards(config.data.trajectories),
            episodes=len(dataset),
            left_out=counts_of(dataset.left_out),
        ),
        processes=processes,
        commits=[commit()],
    )


def rl_origin_of(config: GrpoConfig, opened: OpenedTask, processes: int) -> TrainingOrigin:
    """Where the model that comes out of reinforcement learning on a task will come from."""
    task = opened.task
    options = sorted((name, str(value)) for name, value in opened.options.items())
    return TrainingOrigin(
        config=msgspec.json.decode(msgspec.json.encode(config, enc_hook=str)),
        data=DataOrigin(
            fingerprint=digest_of(msgspec.json.encode((task.name, task.version, options))),
            cards={},
            episodes=min(len(task.samples), config.limit or len(task.samples)),
            left_out={},
        ),
        processes=processes,
        commits=[commit()],
    )


def begin_run(folder: Path, origin: TrainingOrigin) -> None:
    """Write `run.json`, or go on with a run that is the same in all that matters.

    Raises: InvalidRequest, naming what is different.
    """
    file = folder / RUN
    if file.exists():
        before = msgspec.json.decode(file.read_bytes(), type=TrainingOrigin)
        if different := _differences(before, origin):
            raise InvalidRequest.field(
                "out", f"{folder} holds another run: {'; '.join(different)}; choose another folder"
            )
        commits = list(dict.fromkeys([*before.commits, *origin.commits]))
        origin = msgspec.structs.replace(origin, commits=commits)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(file, origin)


def _cards(places: Iterable[Path]) -> dict[str, str]:
    folders = [place if place.is_dir() else place.parent for place in places]
    cards = [folder / CARD for folder in folders]
    return {str(card): digest_of(card.read_bytes()) for card in cards if card.exists()}


def _differences(before: TrainingOrigin, now: TrainingOrigin) -> list[str]:
    old, new = (flat(msgspec.to_builtins(one)) for one in (before, now))
    return [
        f"{name} was {old.get(name)} and is {new.get(name)}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name) and not name.startswith(_MAY_CHANGE)
    ]
