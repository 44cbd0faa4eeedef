"""The episodes of a step: all of them at once, each at its own pace."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_eval.run.config import NamingSection
from thinkimg_eval.run.episodes import EpisodeSetting, PolicyPool, Questions
from thinkimg_eval.run.renaming import renamed
from thinkimg_eval.task import Task
from thinkimg_train.bad_data import BadSample
from thinkimg_train.rollouts.engines import Engine
from thinkimg_train.rollouts.questions import Question, episode_seed
from thinkimg_train.samples import TrainingSample


@dataclasses.dataclass(frozen=True)
class Played:
    """One episode, scored."""

    trajectory: Trajectory
    sample: TrainingSample | None
    """What of it can be learned from; None: it was aborted, or nothing can."""
    unfit: str = ""
    """Why nothing can be learned from it, though it was not aborted."""

    @property
    def aborted(self) -> bool:
        return self.trajectory.stop is StopReason.ABORTED


@dataclasses.dataclass
class Group:
    """The episodes of one question."""

    question: Question
    episodes: list[Played]


MakeSample = Callable[[Trajectory], TrainingSample]
"""The tokens and images of an episode, as they were. Raises: BadSample."""


class SharedQuestions(Questions):
    """A task's samples, each made once for all of its episodes in flight."""

    def __init__(self, task: Task, maker: ThreadPoolExecutor) -> None:
        super().__init__(task, maker)
        self._made: dict[int, asyncio.Task[Sample]] = {}

    async def at(self, index: int) -> Sample:
        if index not in self._made:
            self._made[index] = asyncio.create_task(super().at(index))
        return await asyncio.shield(self._made[index])

    def forget(self) -> None:
        """Let go of the samples that were made; the next time they are made anew."""
        self._made.clear()


class Player:
    """Plays groups of episodes with one engine."""

    def __init__(
        self,
        setting: EpisodeSetting,
        questions: SharedQuestions,
        engine: Engine,
        make_sample: MakeSample,
        naming: NamingSection,
        *,
        group_size: int,
        seed: int,
    ) -> None:
        """The policies of `setting` are not used."""
        self._setting = dataclasses.replace(setting, questions=questions)
        self._questions = questions
        self.engine = engine
        self._make_sample = make_sample
        self._naming = naming
        self._group_size = group_size
        self._seed = seed

    @property
    def tools(self) -> list[str]:
        """Those that episodes are offered, by name."""
        return [tool.name for tool in self._setting.tools]

    async def play(self, questions: Sequence[Question]) -> list[Group]:
        """The groups of some questions, in their order.

        An episode that the mesh broke off is tried again as often as the setting says, with
        the same seed; after that it is aborted.

        Raises: InvalidRequest, when a sample is no good; ScorerFailed.
        """
        return await self._all([(one, range(self._group_size)) for one in questions])

    async def play_aborted_again(self, groups: Sequence[Group]) -> None:
        """Put other episodes in the place of those that were aborted."""
        wanted = [
            (group, [n for n, one in enumerate(group.episodes) if one.aborted]) for group in groups
        ]
        played = await self._all([(group.question, members) for group, members in wanted])
        for (group, members), again in zip(wanted, played, strict=True):
            for member, episode in zip(members, again.episodes, strict=True):
                group.episodes[member] = episode

    async def _all(self, wanted: Sequence[tuple[Question, Sequence[int]]]) -> list[Group]:
        try:
            async with asyncio.TaskGroup() as together:
                tasks = [
                    [together.create_task(self._episode(question, n)) for n in members]
                    for question, members in wanted
                ]
        except* Exception as errors:
            raise _first(errors) from None
        finally:
            self._questions.forget()
        return [
            Group(question, [task.result() for task in of_group])
            for (question, _), of_group in zip(wanted, tasks, strict=True)
        ]

    async def _episode(self, question: Question, member: int) -> Played:
        policy = self.engine.policy_for(episode_seed(self._seed, question, member))
        tools = renamed(self._setting.tools, self._naming, f"{self._seed}/{question.draw}")
        setting = dataclasses.replace(self._setting, policies=PolicyPool([policy]), tools=tools)
        trajectory = await setting.answer(question.index)
        if trajectory.stop is StopReason.DEADLINE:
            # How long something took says nothing about the policy: turns and tokens do.
            trajectory.stop = StopReason.ABORTED
            trajectory.stop_detail = f"it ended at its deadline: {trajectory.stop_detail}"
        if trajectory.stop is StopReason.ABORTED:
            return Played(trajectory, None)
        try:
            # In a thread, while other episodes go on.
            sample = await asyncio.to_thread(self._make_sample, trajectory)
        except BadSample as problem:
            return Played(trajectory, None, unfit=str(problem))
        return Played(trajectory, sample)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that came first, out of groups of groups."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
