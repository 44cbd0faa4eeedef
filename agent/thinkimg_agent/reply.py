"""What a model said in one turn, whatever dialect it said it in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class WrittenCall:
    """One tool call as the model wrote it: nothing of it is checked against a contract yet."""

    name: str
    arguments: dict[str, Any] | str = field(hash=False)
    """JSON; as text where a server hands it on unread, and it may be none."""
    id: str = ""
    """Set by servers with tool calls of their own, which want it back with the result."""


@dataclass(frozen=True)
class Reply:
    """A turn, understood. It has calls or an answer, never both."""

    thought: str = ""
    calls: tuple[WrittenCall, ...] = ()
    answer: str | None = None


class Unparseable(ValueError):
    """A turn that is not in the dialect; the message tells the model how to write it."""
