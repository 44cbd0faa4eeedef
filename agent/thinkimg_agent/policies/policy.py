"""The one protocol that every policy is behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from thinkimg_agent.conversation import Message
from thinkimg_agent.reply import WrittenCall
from thinkimg_rpc.contract import ToolContract


class PolicyFault(Exception):
    """The policy could not answer, through no fault of the model's: the episode is aborted."""


class ContextFull(Exception):
    """The episode has become longer than the model can take in."""


@dataclass(frozen=True)
class Generation:
    """One turn, as the policy wrote it."""

    text: str
    calls: tuple[WrittenCall, ...] = ()
    """What the server took out of the text itself; empty elsewhere."""
    finish: Literal["stop", "length"] = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_ids: tuple[int, ...] | None = None
    """(P,) the whole context, where the policy works on tokens."""
    token_ids: tuple[int, ...] | None = None
    """(N,) what was sampled, its end-of-turn token included."""
    logprobs: tuple[float, ...] | None = None
    """(N,) natural logarithm of each sampled token's probability when it was sampled."""


class Policy(Protocol):
    """The model that decides. Used by many episodes at once."""

    @property
    def name(self) -> str: ...

    @property
    def max_image_pixels(self) -> int:
        """The most pixels of one image that it looks at; larger ones are shown reduced."""
        ...

    async def generate(
        self, conversation: Sequence[Message], tools: Sequence[ToolContract], max_tokens: int
    ) -> Generation:
        """Write the next turn, in `max_tokens` at most. Raises: PolicyFault; ContextFull."""
        ...
