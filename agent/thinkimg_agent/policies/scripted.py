"""A policy that says what it was told to say: for tests, and to replay a trajectory."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from thinkimg_agent.conversation import Message
from thinkimg_agent.policies.policy import Generation, PolicyFault
from thinkimg_rpc.contract import ToolContract

MAX_IMAGE_PIXELS = 1 << 20


class ScriptedPolicy:
    """Turn n of every episode is line n of the script."""

    name = "scripted"

    def __init__(
        self, script: Sequence[str | Generation], *, max_image_pixels: int = MAX_IMAGE_PIXELS
    ) -> None:
        self._script = [Generation(line) if isinstance(line, str) else line for line in script]
        self.max_image_pixels = max_image_pixels

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
        turn = sum(message.role == "assistant" for message in conversation)
        if turn >= len(self._script):
            raise PolicyFault(f"the script has {len(self._script)} turns, and is at its end")
        return self._script[turn]
