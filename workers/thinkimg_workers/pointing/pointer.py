"""What a pointer is: something that points into an image at what a text describes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from thinkimg_rpc.imaging.rgb import Pixels
    from thinkimg_workers.text_line import TextLine


@dataclass(frozen=True)
class Question:
    """One question to a pointer."""

    pixels: Pixels
    """(H, W, 3) uint8 RGB, read-only."""
    description: str
    """What to point at, in words; not blank."""
    lines: Callable[[], list[TextLine]]
    """Reads the text of the image: slow, so asked only by pointers that use it."""
    remaining_s: Callable[[], float | None]
    """How long the caller waits. Raises: when nobody waits any more."""


class Pointed(NamedTuple):
    """One place pointed at."""

    x: float
    y: float
    """In pixels, inside the image."""
    score: float
    """0 to 1, higher is surer."""


@dataclass(frozen=True)
class Pointing:
    """The answer to a question."""

    points: tuple[Pointed, ...]
    """Best first."""
    message: str = ""
    """Why there are none, and what may help."""


class Pointer(Protocol):
    """A backend of Point, made as `Class(settings, place of the weights)`."""

    name: str
    """What answers, with its version."""
    batches: bool
    """Whether several questions at once are faster than one after another."""

    def point(self, questions: Sequence[Question]) -> Sequence[Pointing]:
        """The answers, in the order of the questions."""
        ...
