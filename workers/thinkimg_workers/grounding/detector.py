"""What a detector is: something that finds what a text describes in an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from thinkimg_rpc.imaging.rgb import Pixels
    from thinkimg_workers.text_line import TextLine

DEFAULT_BOX_THRESHOLD = 0.3
DEFAULT_TEXT_THRESHOLD = 0.25


@dataclass(frozen=True)
class Search:
    """One question to a detector."""

    pixels: Pixels
    """(H, W, 3) uint8 RGB, read-only."""
    query: str
    """What to find; several things are separated by full stops."""
    box_threshold: float
    """Nothing with a lower score is returned."""
    text_threshold: float
    """How well a word must fit a box to be in its label; for models that score words."""
    lines: Callable[[], list[TextLine]]
    """Reads the text of the image: slow, so asked only by detectors that use it."""
    check_deadline: Callable[[], None]
    """To be called between steps. Raises: when nobody waits for the answer any more."""


class Found(NamedTuple):
    """One thing found."""

    box: tuple[float, float, float, float]
    """x0, y0, x1, y1 in pixels, inside the image."""
    score: float
    """0 to 1, higher is surer."""
    label: str
    """The part of the query it answers."""
    inside: tuple[float, float] | None = None
    """x and y of a point on the thing itself, where the detector knows one: the middle
    of a line's box is rarely on the line."""


class Detector(Protocol):
    """A backend of GroundingDINO, made as `Class(settings, place of the weights)`."""

    name: str
    """What answers, with its version: "transformers 5.2 grounding-dino-tiny on cpu"."""
    batches: bool
    """Whether several searches at once are faster than one after another."""

    def detect(self, searches: Sequence[Search]) -> Sequence[list[Found]]:
        """What each search finds, best first, in the order of the searches."""
        ...


@runtime_checkable
class Explains(Protocol):
    """A detector that can say how it understood a query, for one that found nothing."""

    def explain(self, query: str) -> str: ...
