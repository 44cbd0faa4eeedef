"""Stage 2: the real tools carry the planned calls out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from thinkimg_agent.conversation import Message
from thinkimg_agent.dialects import Dialect
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.policies import Generation
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import Trajectory, TurnRecord
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.contract import ToolContract
from thinkimg_train.collect.plan_first.planning import Plan

_BOX = ("x0", "y0", "x1", "y1")
_POINT = ("x", "y")


class BrokenPlan(Exception):
    """A call cannot be made: what its arguments refer to is not there."""


async def complete_calls(
    sample: Sample,
    plan: Plan,
    mesh: Mesh,
    tools: Sequence[ToolContract],
    dialect: Dialect,
    limits: Limits,
    *,
    name: str,
    max_image_pixels: int,
) -> Trajectory:
    """The episode of a plan: a turn for each call, all thoughts and the answer still blank.

    Raises: BrokenPlan.
    """
    steps = _Steps(plan, dialect, name, max_image_pixels)
    return await run_episode(
        sample, steps, mesh, limits, dialect=dialect, tools=tools, on_turn=steps.heard.append
    )


class _Steps:
    """Makes the calls of a plan, with what earlier ones gave put in."""

    def __init__(self, plan: Plan, dialect: Dialect, name: str, max_image_pixels: int) -> None:
        self.name = name
        self.max_image_pixels = max_image_pixels
        self.heard: list[TurnRecord] = []
        self._plan = plan
        self._dialect = dialect

    async def generate(
        self, conversation: Sequence[Message], tools: Sequence[ToolContract], max_tokens: int
    ) -> Generation:
        done = len(self.heard)
        if done == len(self._plan.steps):
            return Generation(self._dialect.write(Reply(answer="")))
        step = self._plan.steps[done]
        arguments = {key: self._filled_in(value, key) for key, value in step.arguments.items()}
        native = self._dialect.name == "native"
        call = WrittenCall(step.name, arguments, id=f"call_{done + 1}" if native else "")
        reply = Reply(calls=(call,))
        return Generation(self._dialect.write(reply), reply.calls if native else ())

    def _filled_in(self, value: Any, field: str) -> Any:
        if isinstance(value, dict):
            return {key: self._filled_in(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._filled_in(inner, field) for inner in value]
        if isinstance(value, str) and value.startswith("$"):
            return _as_argument(self._result(value), field)
        return value

    def _result(self, reference: str) -> Any:
        """The value of "$1.points.0.y". Raises: BrokenPlan."""
        number, *path = reference[1:].split(".")
        done = len(self.heard)
        if not number.isdigit() or not 1 <= int(number) <= done:
            raise BrokenPlan(
                f"action {done + 1}: {reference} refers to no action before it; there are {done}"
            )
        [call] = self.heard[int(number) - 1].calls
        try:
            value = json.loads(call.observation)
        except ValueError as error:
            raise BrokenPlan(f"action {done + 1}: action {number} failed") from error
        for key in path:
            value = _inside(value, key, f"action {done + 1}: {reference}")
        return value


def _inside(value: Any, key: str, where: str) -> Any:
    """Boxes and points, which observations write as lists, have their names here, too."""
    if isinstance(value, list):
        names = {len(_BOX): _BOX, len(_POINT): _POINT}.get(len(value), ())
        at = names.index(key) if key in names else int(key) if key.isdigit() else len(value)
        if at < len(value):
            return value[at]
    elif isinstance(value, dict) and key in value:
        return value[key]
    raise BrokenPlan(f'{where} is not in what came back: there is no "{key}"')


def _as_argument(value: Any, field: str) -> Any:
    if isinstance(value, list) and field == "box" and len(value) == len(_BOX):
        return dict(zip(_BOX, value, strict=True))
    if isinstance(value, list) and field == "point" and len(value) == len(_POINT):
        return dict(zip(_POINT, value, strict=True))
    return value
