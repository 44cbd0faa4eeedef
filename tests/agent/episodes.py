"""Episodes for tests: a small picture, turns to say, and a policy that keeps what it saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from thinkimg_agent.conversation import Message
from thinkimg_agent.dialects import OpenThinkImgDialect
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.policies import Generation, ScriptedPolicy
from thinkimg_agent.policies.policy import Policy
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import Trajectory
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.imaging.codec import encode_png

DIALECT = OpenThinkImgDialect()
PIXELS = np.arange(60 * 80 * 3, dtype=np.uint32).reshape(60, 80, 3).astype(np.uint8)
SAMPLE = Sample("s1", "What is it?", (encode_png(PIXELS),), truth="a chart")
ANSWER = DIALECT.write(Reply("done", answer="a chart"))


def turn(*calls: tuple[str, dict[str, Any]], thought: str = "") -> str:
    """A turn with calls, as OpenThinkIMG's models write it."""
    return DIALECT.write(Reply(thought, tuple(WrittenCall(*call) for call in calls)))


def box(x0: float, y0: float, x1: float, y1: float) -> dict[str, float]:
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1}


class Watching(ScriptedPolicy):
    """Keeps what it was shown."""

    def __init__(self, script: Sequence[str | Generation], **options: Any) -> None:
        super().__init__(script, **options)
        self.seen: list[list[Message]] = []

    async def generate(
        self, conversation: Sequence[Message], tools: Sequence[ToolContract], max_tokens: int
    ) -> Generation:
        self.seen.append(list(conversation))
        return await super().generate(conversation, tools, max_tokens)

    def last_shown(self) -> Message:
        return self.seen[-1][-1]


async def episode(
    mesh: Mesh, policy: Policy, *, sample: Sample = SAMPLE, **limits: Any
) -> Trajectory:
    """Run one with all the tools of a mesh."""
    tools = await mesh.contracts()
    return await run_episode(sample, policy, mesh, Limits(**limits), dialect=DIALECT, tools=tools)
