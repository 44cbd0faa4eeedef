"""The planner as a policy: one turn at a time, from nothing but the conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from thinkimg_agent.conversation import Message
from thinkimg_agent.dialects import Dialect
from thinkimg_agent.policies import Generation
from thinkimg_agent.policies.choice import PolicyOptions
from thinkimg_agent.reply import Reply
from thinkimg_eval.synthcharts.planner.answering import answer_to
from thinkimg_eval.synthcharts.planner.look import Look, NotYetSeen
from thinkimg_rpc.contract import ToolContract


class PlannerPolicy:
    """Answers questions about charts by rule: the teacher, and what a model can hope to reach.

    It sees what a model would see, and keeps nothing between turns.
    """

    name = "planner"

    def __init__(self, dialect: Dialect, max_image_pixels: int) -> None:
        self.max_image_pixels = max_image_pixels
        self._dialect = dialect

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """There is nothing to let go of."""

    async def generate(
        self, conversation: Sequence[Message], tools: Sequence[ToolContract], max_tokens: int
    ) -> Generation:
        reply = next_turn(conversation, [tool.name for tool in tools], self._dialect)
        if self._dialect.name != "native" or not reply.calls:
            return Generation(self._dialect.write(reply))
        turn = sum(message.role == "assistant" for message in conversation) + 1
        calls = tuple(
            replace(call, id=f"call_{turn}_{number}") for number, call in enumerate(reply.calls, 1)
        )
        return Generation(self._dialect.write(reply), calls)


def next_turn(conversation: Sequence[Message], offered: Sequence[str], dialect: Dialect) -> Reply:
    """The calls still needed to answer, or the answer."""
    look = Look.at(conversation, offered, dialect)
    try:
        answer = answer_to(look)
    except NotYetSeen as needed:
        return Reply(needed.thought, calls=needed.calls)
    return Reply(answer.thought, answer=answer.text)


def open_planner(model: str, options: PolicyOptions) -> PlannerPolicy:
    """planner:, rules for synthetic charts."""
    return PlannerPolicy(options.dialect, options.max_image_pixels)
