"""One question to its end: the episode, again where it was broken off, and its score."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from thinkimg_agent.dialects import Dialect
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.policies.policy import Policy, PolicyFault
from thinkimg_agent.sample import Sample
from thinkimg_agent.tool_calls import ImageTools
from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_eval.run.config import NamingSection, RetrySection
from thinkimg_eval.run.renaming import own_names, renamed
from thinkimg_eval.run.swapping import swapped_images
from thinkimg_eval.task import Scorer, Task
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import CallerError, InvalidRequest, MeshFault
from thinkimg_rpc.imaging.limits import InvalidImage

LONGEST_AVOIDED_S = 60.0


class ScorerFailed(InvalidRequest):
    """A task's scorer has a fault of its own, so that no answer can be judged."""


@dataclass
class _Server:
    policy: Policy
    episodes: int = 0
    faults: int = 0
    """In a row."""
    avoid_until: float = 0.0

    def ended(self, *, fault: bool) -> None:
        """An episode has ended here; after a fault others come first for a while."""
        self.faults = self.faults + 1 if fault else 0
        wait_s = min(LONGEST_AVOIDED_S, 2.0**self.faults) if fault else 0.0
        self.avoid_until = time.monotonic() + wait_s


class PolicyPool:
    """The same model at several servers: an episode stays at one, where its context is known."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._servers = [_Server(policy) for policy in policies]

    @contextmanager
    def least_busy(self) -> Iterator[_Server]:
        """The server for an episode: of those that have not just failed, the least busy."""
        now = time.monotonic()
        server = min(self._servers, key=lambda one: (one.avoid_until > now, one.episodes))
        server.episodes += 1
        try:
            yield server
        finally:
            server.episodes -= 1


class Questions:
    """A task's samples, each made when its turn comes.

    `maker` is of one thread, so that whoever draws a sample need not think of others.
    """

    def __init__(self, task: Task, maker: ThreadPoolExecutor) -> None:
        self.task = task
        self._maker = maker
        self._index_of: dict[str, int] = {}

    async def at(self, index: int) -> Sample:
        """Raises: InvalidRequest, when another sample has the same id."""
        loop = asyncio.get_running_loop()
        sample = await loop.run_in_executor(self._maker, self.task.samples.__getitem__, index)
        other = self._index_of.setdefault(sample.id, index)
        if other != index:
            raise InvalidRequest(
                f'samples {other} and {index} of {self.task.name} are both called "{sample.id}"; '
                "give each an id of its own, by which runs are compared"
            )
        return sample


@dataclass(frozen=True)
class EpisodeSetting:
    """What all episodes of a run have in common."""

    questions: Questions
    policies: PolicyPool
    mesh: Mesh
    limits: Limits
    dialect: Dialect
    tools: Sequence[ToolContract]
    retry: RetrySection
    naming: NamingSection = field(default_factory=NamingSection)
    seed: int = 0
    """Of the names that tools get."""
    swapped: bool = False
    """Whether tools look at another question's images."""

    async def answer(self, index: int) -> Trajectory:
        """The scored trajectory of a question; ABORTED only after all tries.

        Raises: InvalidRequest, when the sample is no good; ScorerFailed.
        """
        sample = await self.questions.at(index)
        tools = renamed(self.tools, self.naming, f"{self.seed}/{index}")
        mesh = await self._looking_elsewhere(sample, index) if self.swapped else self.mesh
        for wait_s in self._waits():
            trajectory = await self._episode(sample, tools, mesh)
            if trajectory.stop is not StopReason.ABORTED:
                break
            if wait_s is not None:
                await asyncio.sleep(wait_s)
        trajectory.sample_index = index
        self._call_by_own_names(trajectory, tools)
        await self._score(sample, trajectory)
        return trajectory

    def _waits(self) -> list[float | None]:
        """The seconds to wait after each try that fails; None after the last."""
        return [*(self.retry.wait_s * 2**n for n in range(self.retry.times)), None]

    def _call_by_own_names(self, trajectory: Trajectory, offered: Sequence[ToolContract]) -> None:
        """Reports count what a tool did, whatever it was called in a question."""
        own = own_names(offered, self.tools)
        for turn in trajectory.turns:
            for call in turn.calls:
                call.tool = own.get(call.tool, call.tool)

    async def _looking_elsewhere(self, sample: Sample, index: int) -> ImageTools:
        count = len(self.questions.task.samples)
        # Half of all further on: questions about one image stand side by side.
        other = await self.questions.at((index + count // 2) % count)
        return await swapped_images(self.mesh, sample, other)

    async def _episode(
        self, sample: Sample, tools: Sequence[ToolContract], mesh: ImageTools
    ) -> Trajectory:
        prompt = self.questions.task.prompt
        asked = sample.question + (f"\n{prompt}" if prompt else "")
        with self.policies.least_busy() as server:
            try:
                trajectory = await run_episode(
                    dataclasses.replace(sample, question=asked),
                    server.policy,
                    mesh,
                    self.limits,
                    dialect=self.dialect,
                    tools=tools,
                )
            except (CallerError, InvalidImage) as error:
                raise InvalidRequest(f"sample {sample.id}: {error}") from error
            server.ended(fault=trajectory.stop is StopReason.ABORTED)
            return trajectory

    async def _score(self, sample: Sample, trajectory: Trajectory) -> None:
        """Set the score; an answer that cannot be judged, like one of no judge, ends as ABORTED."""
        if trajectory.stop is StopReason.ABORTED:
            return
        if trajectory.answer is None:
            trajectory.score = 0.0
            return
        for wait_s in self._waits():
            try:
                trajectory.score = await score_of(
                    self.questions.task.scorer, trajectory.answer, sample
                )
                return
            except (MeshFault, PolicyFault) as fault:
                if wait_s is None:
                    trajectory.stop = StopReason.ABORTED
                    trajectory.stop_detail = f"not scored: {fault}"
                else:
                    await asyncio.sleep(wait_s)


async def score_of(scorer: Scorer, answer: str, sample: Sample) -> float:
    """What the scorer gives an answer. Raises: ScorerFailed; MeshFault, PolicyFault of a judge."""
    try:
        # In a thread: formulas can take seconds, and other episodes would wait for them.
        scored = await asyncio.to_thread(scorer, answer, sample)
        value = float(await scored if inspect.isawaitable(scored) else scored)
    except (MeshFault, PolicyFault):
        raise
    except Exception as error:
        raise ScorerFailed(
            f"sample {sample.id}: the scorer failed at the answer {answer!r}: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not 0 <= value <= 1:
        raise ScorerFailed(f"sample {sample.id}: the scorer gave {value}, which is not 0 to 1")
    return value
