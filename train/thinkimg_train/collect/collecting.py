"""`collect`: many questions at once, each tried until it has what is wanted of it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import msgspec
from rich.console import Console

from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_eval.run.episodes import EpisodeSetting, PolicyPool, Questions
from thinkimg_eval.run.origin import origin_of, tool_versions
from thinkimg_eval.run.progress import RunProgress
from thinkimg_eval.run.ranks import Rank
from thinkimg_eval.run.surroundings import Surroundings, dialect_of
from thinkimg_eval.tasks import OpenedTask, open_task
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import Unavailable
from thinkimg_train.collect.card import DataCard, write_card
from thinkimg_train.collect.checks import Reason, likeness_key, reasons_against
from thinkimg_train.collect.config import CollectConfig
from thinkimg_train.collect.folder import Attempt, CollectFolder, CollectOrigin, CollectWriter
from thinkimg_train.collect.plan_first import PlanFirst
from thinkimg_train.collect.teachers import Teachers

ABORTED_IN_A_ROW = 32
"""So many episodes, and as many as are in flight: then nothing will come of the others either."""


async def collect(config: CollectConfig, screen: Console) -> DataCard:
    """Collect, or finish what was begun; the folder is complete when this returns.

    Raises: InvalidRequest, when it cannot be done as it is asked for; MeshFault,
    CannotStart and PolicyFault, when it cannot go on.
    """
    dialect_of(config.policy)
    opened = open_task(config.task.name, config.task.options, seed=config.seed)
    folder = CollectFolder(config.out)
    with folder.locked():
        origin = folder.begin(_origin(config, opened))
        questions = origin.run.task.questions
        attempts = folder.put_in_order(config.want)
        while (todo := _open_questions(config, questions, folder.attempts())).indices:
            before = len(attempts)
            await _collect(config, opened, folder, todo, screen)
            attempts = folder.put_in_order(config.want)
            # Some turn out to be like others only when all are there; then more are wanted.
            if config.want is None or len(attempts) <= before:
                break
        return write_card(folder, attempts)


@dataclasses.dataclass(frozen=True)
class _Todo:
    """What an earlier start has left open."""

    indices: Sequence[int]
    before: dict[int, list[Attempt]]
    questions: int


def _open_questions(
    config: CollectConfig, questions: int, before: dict[int, list[Attempt]]
) -> _Todo:
    done = {
        index
        for index, tries in before.items()
        if _enough(tries, config.keep) or len(tries) >= config.tries or tries[-1].hopeless
    }
    accepted = sum(one.accepted for tries in before.values() for one in tries)
    if config.want is not None and accepted >= config.want:
        return _Todo((), before, questions)
    return _Todo([n for n in range(questions) if n not in done], before, questions)


def _origin(config: CollectConfig, opened: OpenedTask) -> CollectOrigin:
    return CollectOrigin(
        run=origin_of(config, opened),
        method="plan_first" if config.plans_first else "episodes",
        keep=config.keep,
        tries=config.tries,
        teacher=config.teacher,
        checks=config.checks,
        retry_temperature=config.retry_temperature,
    )


async def _collect(
    config: CollectConfig,
    opened: OpenedTask,
    folder: CollectFolder,
    todo: _Todo,
    screen: Console,
) -> None:
    task = opened.task
    async with AsyncExitStack() as stack:
        surroundings = await stack.enter_async_context(Surroundings(config, Rank(), screen.print))
        teachers = await stack.enter_async_context(Teachers(config, screen.print))
        mesh = await surroundings.mesh()
        tools = await _tools(config, opened, mesh)
        versions = tool_versions(tools, mesh.workers())
        origin = _origin(config, opened)
        folder.begin(
            msgspec.structs.replace(origin, run=msgspec.structs.replace(origin.run, tools=versions))
        )
        screen.print(
            f"{task.name}: {len(todo.indices)} questions to try, "
            f"with {', '.join(versions) or 'no tools'}"
        )
        maker = stack.enter_context(ThreadPoolExecutor(1, "samples"))
        scribe = stack.enter_context(ThreadPoolExecutor(1, "trajectories"))
        writer = stack.enter_context(folder.writer())
        progress = stack.enter_context(
            RunProgress(screen, task.name, todo.questions, good="accepted")
        )
        questions = Questions(task, maker)
        setting = EpisodeSetting(
            questions,
            PolicyPool([]),
            mesh,
            config.limits,
            dialect_of(config.policy),
            tools,
            config.retry,
        )
        maker_of = PlanFirst(folder.path, setting).attempt if config.plans_first else _episode
        work = _Work(config, setting, teachers, maker_of, writer, scribe, progress)
        await work.run(todo)


async def _tools(config: CollectConfig, opened: OpenedTask, mesh: Mesh) -> list[ToolContract]:
    """Raises: UnknownTool, when the mesh lacks one that the collection needs."""
    names = config.tools or opened.task.tools
    return [await mesh.contract(name) for name in names] or await mesh.contracts()


MakeAttempt = Callable[[EpisodeSetting, int, int], Awaitable[Trajectory]]
"""A scored trajectory of a question and a try, by the setting's policies."""


async def _episode(setting: EpisodeSetting, index: int, number: int) -> Trajectory:
    return await setting.answer(index)


class _Work:
    """Questions in flight: whoever has finished one takes the next."""

    def __init__(
        self,
        config: CollectConfig,
        setting: EpisodeSetting,
        teachers: Teachers,
        make: MakeAttempt,
        writer: CollectWriter,
        scribe: ThreadPoolExecutor,
        progress: RunProgress,
    ) -> None:
        self._config = config
        self._setting = setting
        self._teachers = teachers
        self._make = make
        self._writer = writer
        self._scribe = scribe
        self._progress = progress
        self._accepted = 0
        self._aborted_in_a_row = 0

    async def run(self, todo: _Todo) -> None:
        """Raises: what no trajectory can be blamed for, once all others have been let go."""
        self._accepted = sum(one.accepted for tries in todo.before.values() for one in tries)
        still_open = set(todo.indices)
        for index, tries in todo.before.items():
            if index not in still_open:
                self._progress.was_done(float(any(one.accepted for one in tries)))
        indices = iter(todo.indices)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._config.concurrency):
                    group.create_task(self._one_after_the_other(indices, todo.before))
        except* Exception as errors:
            raise _first(errors) from None

    async def _one_after_the_other(
        self, indices: Iterator[int], before: dict[int, list[Attempt]]
    ) -> None:
        for index in indices:
            await self._question(index, before.get(index, []))
            # Questions are begun in order, and those begun are finished: so the first
            # ones that are wanted are there, whichever came in first.
            if self._config.want is not None and self._accepted >= self._config.want:
                return

    async def _question(self, index: int, tries: list[Attempt]) -> None:
        """Try until there is enough, or nothing more to hope for."""
        tries = list(tries)
        while len(tries) < self._config.tries and not _enough(tries, self._config.keep):
            number = len(tries)
            teacher = await self._teachers.for_try(index, number)
            setting = dataclasses.replace(self._setting, policies=teacher.policies)
            trajectory = await self._make(setting, index, number)
            if trajectory.stop is StopReason.ABORTED:
                self._count_aborted(trajectory)
                self._progress.done(score=None)
                return
            self._aborted_in_a_row = 0
            attempt = self._judged(trajectory, number, tries)
            attempt.slips = list(teacher.slips)
            tries.append(attempt)
            attempt.hopeless = not self._teachers.worth_a_try(len(tries), attempt.reasons)
            self._accepted += attempt.accepted
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._scribe, self._writer.add, attempt, trajectory)
            if attempt.hopeless:
                break
        self._progress.done(score=float(any(one.accepted for one in tries)))

    def _judged(self, trajectory: Trajectory, number: int, tries: Sequence[Attempt]) -> Attempt:
        key = likeness_key(trajectory)
        reasons = reasons_against(trajectory, self._config.checks)
        if any(one.key == key for one in tries if one.accepted):
            reasons.append(Reason("duplicate", f"of another try at {trajectory.sample_id}"))
        return Attempt(
            sample_index=trajectory.sample_index or 0,
            sample_id=trajectory.sample_id,
            category=trajectory.category,
            number=number,
            started_at=trajectory.started_at,
            reasons=reasons,
            key=key,
        )

    def _count_aborted(self, trajectory: Trajectory) -> None:
        self._aborted_in_a_row += 1
        if self._aborted_in_a_row >= max(ABORTED_IN_A_ROW, self._config.concurrency):
            raise Unavailable(
                f"the last {self._aborted_in_a_row} episodes were all broken off: "
                f"{trajectory.stop_detail}; the same command goes on once that is mended"
            )


def _enough(tries: Sequence[Attempt], keep: int) -> bool:
    return sum(one.accepted for one in tries) >= keep


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that came first, out of groups of groups."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
