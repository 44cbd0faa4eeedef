"""What every dialect can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_rpc.contract import ToolContract

TASK = "Answer the question about the images."
TOOLS_HELP = "You can call tools, look at what comes back, and go on until you are sure."

_THINKING_BEGINS, _THINKING_ENDS = "<think>", "</think>"


class Dialect(ABC):
    """One way to write calls and answers. Pure: no state, no input or output.

    `parse` and `write` are each other's inverse: `parse(write(reply)) == reply`.
    """

    name: ClassVar[str]

    def __init__(self, space: CoordinateSpace = CoordinateSpace.PIXELS) -> None:
        self.space = space

    @abstractmethod
    def instructions(self, contracts: Sequence[ToolContract]) -> str:
        """The system prompt: the tools if there are any, how to call them, how to answer."""

    def parse(self, text: str, calls: Sequence[WrittenCall] = ()) -> Reply:
        """What a turn says; `calls` are those a server has taken out of the text itself.

        What a model thinks up to `</think>` is thought, whatever it looks like: the
        opening tag may stand in the template, where nobody sampled it.

        Raises: Unparseable, saying where it goes wrong and how to write it instead.
        """
        thinking, _, said = text.rpartition(_THINKING_ENDS)
        reply = self._parse(said, calls)
        thinking = thinking.strip().removeprefix(_THINKING_BEGINS).strip()
        thought = "\n".join(filter(None, [thinking, reply.thought]))
        return replace(reply, thought=thought) if thinking else reply

    @abstractmethod
    def _parse(self, text: str, calls: Sequence[WrittenCall]) -> Reply:
        """What a turn says after all thinking. Raises: Unparseable."""

    @abstractmethod
    def write(self, reply: Reply) -> str:
        """The text of a turn that says this."""

    @abstractmethod
    def observation(self, results: Sequence[tuple[str, str]]) -> str:
        """What is shown of the calls of one turn: (tool, result) in the order asked."""
