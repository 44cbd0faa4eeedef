"""One question through the stages. What the teacher wrote is kept: nothing is paid for twice."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from thinkimg_agent.dialects import Dialect
from thinkimg_agent.policies import ContextFull, Policy, PolicyFault
from thinkimg_agent.reply import Unparseable
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import FORMAT, StopReason, Trajectory
from thinkimg_eval.run.episodes import EpisodeSetting, score_of
from thinkimg_rpc.errors import MeshFault
from thinkimg_train.collect.plan_first.completing import BrokenPlan, complete_calls
from thinkimg_train.collect.plan_first.planning import plan_actions, read_plan
from thinkimg_train.collect.plan_first.rationale import (
    read_rationale,
    with_rationale,
    write_rationale,
)

STAGES = "stages.jsonl"
T = TypeVar("T")


class Note(msgspec.Struct, frozen=True):
    """What the teacher wrote in one stage of one try."""

    index: int
    number: int
    stage: str
    of: str
    """A digest of what it was about: if that changes, the note is of no use."""
    text: str


class PlanFirst:
    """Tries of a teacher that plans first."""

    def __init__(self, folder: Path, setting: EpisodeSetting) -> None:
        self._path = folder / STAGES
        self._dialect = setting.dialect
        self._notes: dict[tuple[int, int, str, str], str] = {}
        for note in _read_notes(self._path):
            self._notes[note.index, note.number, note.stage, note.of] = note.text

    async def attempt(self, setting: EpisodeSetting, index: int, number: int) -> Trajectory:
        """The scored trajectory; ABORTED where the mesh or the teacher's server failed."""
        sample = await setting.questions.at(index)
        prompt = setting.questions.task.prompt
        asked = sample.question + (f"\n{prompt}" if prompt else "")
        asking = dataclasses.replace(sample, question=asked)
        with setting.policies.least_busy() as server:
            try:
                trajectory = await self._stages(setting, asking, server.policy, index, number)
                if trajectory.answer is not None:
                    scorer = setting.questions.task.scorer
                    trajectory.score = await score_of(scorer, trajectory.answer, sample)
            except (PolicyFault, MeshFault) as fault:
                trajectory = self._without_end(
                    asking, server.policy, StopReason.ABORTED, str(fault)
                )
            server.ended(fault=trajectory.stop is StopReason.ABORTED)
        trajectory.sample_index = index
        return trajectory

    async def _stages(
        self, setting: EpisodeSetting, sample: Sample, policy: Policy, index: int, number: int
    ) -> Trajectory:
        """Plan, calls and rationale; the filter comes after, as for any teacher."""
        dialect = setting.dialect
        place = index, number
        try:
            planned = await self._noted(
                *place,
                "plan",
                sample.question,
                lambda: plan_actions(sample, setting.tools, policy, dialect.space),
            )
            completed = await complete_calls(
                sample,
                read_plan(planned),
                setting.mesh,
                setting.tools,
                dialect,
                setting.limits,
                name=policy.name,
                max_image_pixels=policy.max_image_pixels,
            )
            if completed.stop is not StopReason.ANSWERED:
                return completed
            calls = completed.turns[:-1]
            said = await self._noted(
                *place,
                "rationale",
                "\n".join(call.observation for turn in calls for call in turn.calls),
                lambda: write_rationale(completed, policy),
            )
            return with_rationale(completed, read_rationale(said, len(calls)), dialect)
        except (Unparseable, BrokenPlan) as problem:
            return self._without_end(sample, policy, StopReason.UNPARSEABLE, str(problem))
        except ContextFull as full:
            return self._without_end(sample, policy, StopReason.TOKEN_LIMIT, str(full))

    async def _noted(
        self, index: int, number: int, stage: str, about: str, write: Callable[[], Awaitable[str]]
    ) -> str:
        """What was written in this stage before the run was broken off, or is written now."""
        of = hashlib.sha256(about.encode()).hexdigest()[:16]
        key = (index, number, stage, of)
        if key not in self._notes:
            self._notes[key] = await write()
            note = Note(index, number, stage, of, self._notes[key])
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode(note) + b"\n")
        return self._notes[key]

    def _without_end(
        self, sample: Sample, policy: Policy, stop: StopReason, detail: str
    ) -> Trajectory:
        return _unfinished(sample, policy, self._dialect, stop, detail)


def _unfinished(
    sample: Sample, policy: Policy, dialect: Dialect, stop: StopReason, detail: str
) -> Trajectory:
    """The record of a try that came to no episode."""
    return Trajectory(
        format=FORMAT,
        sample_id=sample.id,
        question=sample.question,
        truth=sample.truth,
        category=sample.category,
        policy=policy.name,
        dialect=dialect.name,
        coordinates=dialect.space.value,
        tools=[],
        system="",
        stop=stop,
        stop_detail=detail,
        started_at=time.time(),
    )


def _read_notes(path: Path) -> list[Note]:
    """Those in a file; one that was half written when a run was killed is cut off."""
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        path.write_bytes(data[:whole])
    return [msgspec.json.decode(line, type=Note) for line in data[:whole].splitlines()]
