"""What a segmenter is: something that tells what a box or points mean, pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from thinkimg_rpc.imaging.rgb import Pixels
    from thinkimg_rpc.tool import PixelBox
    from thinkimg_workers.segmentation.region import Region

Spot = tuple[float, float]
"""x and y of a point on a pixel of the image."""


@dataclass(frozen=True)
class Prompt:
    """Where one region is. It has a box or at least one point on the region."""

    box: PixelBox | None = None
    points: tuple[Spot, ...] = ()
    background: tuple[Spot, ...] = ()
    """Points that are not on the region."""


@dataclass(frozen=True)
class Scene:
    """One image, and what is asked of it."""

    pixels: Pixels
    """(H, W, 3) uint8 RGB, read-only."""
    digest: str
    """The image's sha256, to keep by it what was computed from it."""
    prompts: tuple[Prompt, ...]
    check_deadline: Callable[[], None]
    """To be called between steps. Raises: when nobody waits for the answer any more."""


class Segmenter(Protocol):
    """A backend of both tools, made as `Class(settings, place of the weights)`."""

    name: str
    """What answers, with its version: "sam2 1.1.0 sam2.1_hiera_tiny.pt on cpu"."""
    batches: bool
    """Whether several scenes at once are faster than one after another."""

    def segment(self, scenes: Sequence[Scene]) -> Sequence[list[Region]]:
        """One region for each prompt of each scene, in their order."""
        ...
