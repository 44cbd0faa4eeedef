"""`run_all`: runs one after the other, each with many episodes in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

import msgspec
from rich.console import Console

from thinkimg_agent.policies.choice import check_policy
from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_agent.trajectory_file import TrajectoryWriter
from thinkimg_eval.run.config import RunConfig
from thinkimg_eval.run.episodes import EpisodeSetting, Questions
from thinkimg_eval.run.folder import Done, RunFolder
from thinkimg_eval.run.offering import offered
from thinkimg_eval.run.origin import origin_of, tool_versions
from thinkimg_eval.run.progress import RunProgress
from thinkimg_eval.run.ranks import Rank, rank_of_environment
from thinkimg_eval.run.reading import folders_of
from thinkimg_eval.run.renaming import check_naming
from thinkimg_eval.run.surroundings import Surroundings, dialect_of
from thinkimg_eval.tasks import OpenedTask, open_task
from thinkimg_rpc.errors import Unavailable

ABORTED_IN_A_ROW = 32
"""So many episodes, and as many as are in flight: then nothing will come of the others either."""


@dataclass(frozen=True)
class Run:
    """A run that is about to be made."""

    config: RunConfig
    opened: OpenedTask

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.config.out)


async def run_all(
    configs: Sequence[RunConfig], screen: Console, *, on_end: Callable[[RunFolder], None]
) -> None:
    """Make each run, or finish it where it was begun; `on_end` is told of each.

    Raises: InvalidRequest, when a run cannot be made as it is asked for; MeshFault,
    CannotStart and PolicyFault, when it cannot go on.
    """
    async with rank_of_environment() as rank:
        screen = screen if rank.first else Console(quiet=True)
        for same in _with_same_surroundings(_prepared(configs)):
            async with Surroundings(same[0].config, rank, screen.print) as surroundings:
                for run in same:
                    await _run(run, rank, surroundings, screen)
                    if rank.first:
                        on_end(run.folder)


def _prepared(configs: Sequence[RunConfig]) -> list[Run]:
    """All mistakes come out before the first run begins."""
    for config in configs:
        dialect_of(config.policy)
        check_policy(config.policy.name)
    opened = [
        open_task(config.task.name, config.task.options, seed=config.seed) for config in configs
    ]
    placed = folders_of(configs, [one.task.name for one in opened])
    return [Run(config, one) for config, one in zip(placed, opened, strict=True)]


def _with_same_surroundings(runs: Sequence[Run]) -> Iterator[list[Run]]:
    def needs(run: Run) -> bytes:
        config = run.config
        return msgspec.json.encode((config.mesh, config.policy, config.seed))

    for _, same in groupby(runs, needs):
        yield list(same)


async def _run(run: Run, rank: Rank, surroundings: Surroundings, screen: Console) -> None:
    if not rank.first:
        await _answer_all(run, rank, surroundings, screen)
        await rank.wait_for_all()
        return
    with run.folder.locked():
        await _answer_all(run, rank, surroundings, screen)
        await rank.wait_for_all()
        run.folder.put_in_order()


async def _answer_all(run: Run, rank: Rank, surroundings: Surroundings, screen: Console) -> None:
    """Answer those questions that are still open, of this rank's share."""
    config, folder = run.config, run.folder
    origin = origin_of(config, run.opened)
    if rank.first:
        folder.begin(origin)
    done: dict[int, Done] = await rank.told_by_first(folder.done() if rank.first else {})
    answered = {index: one for index, one in done.items() if not one.aborted}
    if len(answered) == origin.task.questions:
        return
    mesh = await surroundings.mesh()
    tools = await offered(config.tools, run.opened.task.tools, mesh)
    check_naming(config.naming, tools)
    versions = tool_versions(tools, mesh.workers())
    if rank.first:
        folder.begin(msgspec.structs.replace(origin, tools=versions))
    screen.print(
        f"{origin.task.name}: {origin.task.questions - len(answered)} questions to answer, "
        f"with {', '.join(versions) or 'no tools'}"
    )
    share = range(rank.number, origin.task.questions, rank.count)
    with (
        ThreadPoolExecutor(1, "samples") as maker,
        ThreadPoolExecutor(1, "trajectories") as scribe,
        folder.writer(rank.number) as writer,
        RunProgress(screen, run.opened.task.name, len(share)) as progress,
    ):
        for index in share:
            if index in answered:
                progress.was_done(answered[index].score)
        setting = EpisodeSetting(
            Questions(run.opened.task, maker),
            await surroundings.policies(),
            mesh,
            config.limits,
            dialect_of(config.policy),
            tools,
            config.retry,
            config.naming,
            config.seed or 0,
            swapped=config.swapped_images,
        )
        todo = iter([index for index in share if index not in answered])
        work = _Work(setting, todo, writer, scribe, progress, config.concurrency)
        await work.run()


class _Work:
    """Episodes in flight: whoever has finished one takes the next."""

    def __init__(
        self,
        setting: EpisodeSetting,
        todo: Iterator[int],
        writer: TrajectoryWriter,
        scribe: ThreadPoolExecutor,
        progress: RunProgress,
        concurrency: int,
    ) -> None:
        self._setting = setting
        self._todo = todo
        self._writer = writer
        self._scribe = scribe
        self._progress = progress
        self._concurrency = concurrency
        self._aborted_in_a_row = 0

    async def run(self) -> None:
        """Raises: what an episode cannot be blamed for, once all others have been let go."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._concurrency):
                    group.create_task(self._one_after_the_other())
        except* Exception as errors:
            raise _first(errors) from None

    async def _one_after_the_other(self) -> None:
        for index in self._todo:
            trajectory = await self._setting.answer(index)
            await self._write(trajectory)
            aborted = trajectory.stop is StopReason.ABORTED
            self._progress.done(score=None if aborted else trajectory.score)
            self._give_up_if_nothing_works(trajectory, aborted)

    async def _write(self, trajectory: Trajectory) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._scribe, self._writer.add, trajectory)

    def _give_up_if_nothing_works(self, trajectory: Trajectory, aborted: bool) -> None:
        self._aborted_in_a_row = self._aborted_in_a_row + 1 if aborted else 0
        if self._aborted_in_a_row >= max(ABORTED_IN_A_ROW, self._concurrency):
            raise Unavailable(
                f"the last {self._aborted_in_a_row} episodes were all broken off: "
                f"{trajectory.stop_detail}; the same command goes on once that is mended"
            )


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that came first, out of groups of groups."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
