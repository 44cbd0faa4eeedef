"""What a policy is given: messages of text and images, with its own turns as it wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from thinkimg_agent.images import EpisodeImage
from thinkimg_agent.reply import WrittenCall

Part = str | EpisodeImage
"""Text, or an image in its place."""


@dataclass(frozen=True)
class Message:
    """One message of an episode."""

    role: Literal["system", "user", "assistant", "tool"]
    parts: tuple[Part, ...]
    calls: tuple[WrittenCall, ...] = ()
    """Of an assistant, where the server takes calls out of the text itself."""
    call_id: str = ""
    """Of a tool's result: the call it answers."""
    token_ids: tuple[int, ...] | None = None
    """Of an assistant: what it sampled, so that nothing is tokenised a second time."""

    @property
    def text(self) -> str:
        """All of its text, without the images."""
        return "\n".join(part for part in self.parts if isinstance(part, str))


def numbered(image: EpisodeImage) -> tuple[Part, Part]:
    """An image with its name, and its size as it is seen."""
    return f"{image.name} ({image.view.shown_width}x{image.view.shown_height}):", image


def joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Parts in which texts that follow each other are one, each in a line of its own.

    Templates differ in what they put between texts, most of them nothing at all.
    """
    joined: list[Part] = []
    for part in parts:
        if joined and isinstance(part, str) and isinstance(joined[-1], str):
            joined[-1] = f"{joined[-1]}\n{part}"
        else:
            joined.append(part)
    return tuple(joined)
