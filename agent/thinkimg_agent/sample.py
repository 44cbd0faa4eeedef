"""What an episode starts from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """A question about images."""

    id: str
    question: str
    images: tuple[bytes, ...]
    """Encoded, in the order they are numbered in."""
    truth: str | None = None
    """The right answer, where it is known. The policy never sees it."""
