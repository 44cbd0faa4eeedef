"""Episodes under way while every worker of their tool is dead: none of it reaches the model."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

from thinkimg_agent.conversation import Message
from thinkimg_agent.dialects import HermesDialect
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.policies import Generation, ScriptedPolicy
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.contract import ToolContract

from .figures import Figures
from .served_mesh import ServedMesh

EACH = 8
DEAD_S, DEAD_IN_FULL_S = 2.5, 10.0
HURRIED_S, PATIENT_S = 1.0, 60.0
"""How long a call of each kind of episode may take: less than the workers stay dead, and more."""
DIALECT = HermesDialect()
MISTAKE = 'Error: delay_s: expected a number, got the text "soon"'
SCRIPT = [
    DIALECT.write(Reply("", (WrittenCall("Echo", {"text": "before"}),))),
    DIALECT.write(Reply("", (WrittenCall("Echo", {"delay_s": "soon"}),))),
    # Long enough to be at work when the workers die.
    DIALECT.write(Reply("", (WrittenCall("Echo", {"text": "during", "delay_s": 0.5}),) * 2)),
    DIALECT.write(Reply("", (WrittenCall("Echo", {"text": "after"}),))),
    DIALECT.write(Reply("", answer="done")),
]
OBSERVED = [{"text": "before"}, MISTAKE, {"text": "during"}, {"text": "after"}]
"""All that there is to be seen; a caller's mistake is, with the field's name."""


class Told(ScriptedPolicy):
    """Keeps all that any episode was shown, and says when one has come to a turn."""

    def __init__(self) -> None:
        super().__init__(SCRIPT)
        self.shown: list[Message] = []
        self.at_turn = asyncio.Condition()
        self.turns: list[int] = []

    async def generate(
        self, conversation: Sequence[Message], tools: Sequence[ToolContract], max_tokens: int
    ) -> Generation:
        self.shown += [message for message in conversation[2:] if message.role != "assistant"]
        async with self.at_turn:
            self.turns.append(sum(message.role == "assistant" for message in conversation))
            self.at_turn.notify_all()
        return await super().generate(conversation, tools, max_tokens)


async def test_no_observation_shows_that_all_workers_of_a_tool_were_dead(
    served: ServedMesh, mesh: Mesh, figures: Figures
) -> None:
    dead_s = DEAD_IN_FULL_S if figures.full else DEAD_S
    tools = await mesh.contracts()
    policy = Told()
    async with asyncio.TaskGroup() as group:
        hurried, patient = (
            [group.create_task(episode(mesh, policy, tools, limit_s)) for _ in range(EACH)]
            for limit_s in (HURRIED_S, PATIENT_S)
        )
        async with policy.at_turn:
            await policy.at_turn.wait_for(lambda: policy.turns.count(2) == 2 * EACH)
        began = time.monotonic()
        await keep_dead(served, dead_s)
        left = [not task.done() for task in patient]
    back_s = time.monotonic() - began

    assert {task.result().stop for task in hurried} == {StopReason.ABORTED}
    assert {task.result().stop for task in patient} == {StopReason.ANSWERED}
    assert all(left), "an episode was answered by workers that were dead"
    for task in hurried:
        assert len(task.result().turns) == 3
        assert task.result().turns[2].calls == []
    observed = [observation(line) for message in policy.shown for line in said(message)]
    assert all(observed.count(one) >= EACH for one in OBSERVED)
    betraying = [one for one in observed if one not in OBSERVED]

    scenario = f"all workers of a tool killed for {dead_s:g} s, {2 * EACH} episodes under way"
    figures.count(scenario, "observations that show it to the model", len(betraying), 0)
    figures.count(scenario, f"aborted, of those with {HURRIED_S:g} s a call", EACH)
    figures.count(scenario, f"answered, of those with {PATIENT_S:g} s a call", EACH)
    figures.seconds(scenario, "from the first death to the last answer", back_s)


async def episode(
    mesh: Mesh, policy: Told, tools: list[ToolContract], tool_timeout_s: float
) -> Trajectory:
    limits = Limits(tool_timeout_s=tool_timeout_s)
    sample = Sample("s", "What does it say?", ())
    return await run_episode(sample, policy, mesh, limits, dialect=DIALECT, tools=tools)


async def keep_dead(served: ServedMesh, seconds: float) -> None:
    """Kill every worker process, and every one that takes its place, for that long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for child in psutil.Process(served.pid).children():
            with suppress(psutil.NoSuchProcess):
                if "thinkimg_rpc.server" in child.cmdline():
                    child.kill()
        await asyncio.sleep(0.01)


def said(message: Message) -> list[str]:
    """The results in a message, without the tags around them."""
    text = message.text.replace("<tool_response>\n", "").replace("\n</tool_response>", "")
    return text.splitlines()


def observation(line: str) -> object:
    """A result; of an echo's answer without the worker that gave it."""
    if not line.startswith("{"):
        return line
    answer: dict[str, object] = json.loads(line)
    answer.pop("worker_id")
    return answer
