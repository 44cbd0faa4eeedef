"""The next step of a run of reinforcement learning, played and not learned from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from rich.console import Console

from thinkimg_agent.trajectory import ImageRecord, Trajectory
from thinkimg_rpc.errors import InvalidRequest, OutOfRange
from thinkimg_train.bad_data import LeftOut
from thinkimg_train.chat import chat_of
from thinkimg_train.checkpoints import Checkpoints
from thinkimg_train.distribution import accelerator_of
from thinkimg_train.grpo import Run, checked, open_run, play_step
from thinkimg_train.grpo_config import GrpoConfig
from thinkimg_train.inspect.view import BatchView, view_of_batch
from thinkimg_train.learning import Lesson
from thinkimg_train.rollouts.numbers import numbers_of
from thinkimg_train.saving import CHECKPOINTS


@dataclass(frozen=True)
class _PlayedEpisodes:
    """Episodes that are in no file."""

    sources: list[str]
    trajectories: Sequence[Trajectory]
    left_out: list[LeftOut] = field(default_factory=list)

    def trajectory(self, number: int) -> Trajectory:
        return self.trajectories[number]

    def picture(self, number: int, image: ImageRecord) -> bytes:
        return self.trajectories[number].pictures[image.shown_digest]


def inspect_next_step(config: GrpoConfig, step: int, batch: int, screen: Console) -> BatchView:
    """Pass number `batch`, from 1, of the step that the run would make next.

    Raises: InvalidRequest; OutOfRange, where the step has fewer; MeshFault; PolicyFault.
    """
    if step != 1:
        raise InvalidRequest.field("--step", "only the next step of a run can be played: leave it")
    with _opened(config, screen) as run:
        gathered = play_step(run, run.first_step)
        lessons: list[Lesson] = []
        played: list[Trajectory] = []
        unfit: list[LeftOut] = []
        for one in gathered.played:
            for member, episode in enumerate(one.group.episodes):
                source = f"{episode.trajectory.sample_id}, episode {member + 1}"
                if episode.sample is None:
                    why = episode.unfit or episode.trajectory.stop_detail
                    kind = "unfit" if episode.unfit else "aborted"
                    unfit.append(LeftOut(source, kind, why))
                else:
                    played.append(episode.trajectory)
            lessons += one.lessons
        sources = [f"{n + 1}: {one.sample_id}" for n, one in enumerate(played)]
        lessons = [
            replace(lesson, sample=replace(lesson.sample, source=source))
            for lesson, source in zip(lessons, sources, strict=True)
        ]
        looked = run.learner.look(lessons, batch - 1)
        if looked is None:
            raise OutOfRange.field("--batch", "the step has fewer passes")
        numbers = numbers_of(gathered.played)
    shown = ("reward", "accuracy", "calls", "groups_alike", "aborted")
    facts = {"model": config.model.path, "task": str(config.task["name"])}
    facts |= {name: f"{numbers.get(name, 0.0):.4g}" for name in shown}
    return view_of_batch(
        looked.batch,
        _PlayedEpisodes(sources, played, unfit),
        chat_of(config.model.path),
        title=f"step {run.first_step + 1}, pass {batch}",
        facts=facts,
        columns=looked.columns,
    )


@contextmanager
def _opened(config: GrpoConfig, screen: Console) -> Iterator[Run]:
    """The run as it is now; nothing of it is changed."""
    opened = checked(config)
    accelerator = accelerator_of(config)
    checkpoints = Checkpoints(config.out / CHECKPOINTS, config.checkpoint.keep)
    log = msgspec.structs.replace(config.log, tensorboard=False, wandb_project="")
    with TemporaryDirectory() as nowhere:
        unnoted = msgspec.structs.replace(config, out=Path(nowhere), log=log)
        with open_run(unnoted, opened, accelerator, checkpoints, screen) as run:
            yield run
