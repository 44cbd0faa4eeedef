"""What an episode starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Sample:
    """A question about images."""

    id: str
    question: str
    images: tuple[bytes, ...]
    """Encoded, in the order they are numbered in."""
    truth: str | None = None
    """The right answer, where it is known. The policy never sees it."""
    accepted: tuple[str, ...] = ()
    """Other answers that are as right."""
    category: str = ""
    """The kind of question, by which results are told apart."""
    max_image_pixels: int | None = None
    """The most pixels of one image that any policy is shown. The tools see all of it."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What a scorer needs beside the truth, such as a tolerance. The policy never sees it."""
