"""What a segmenter is: something that tells what a box or points mean, pixel by pixel."""

from __future__ import annotations

import math
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

    def without_first_point(self) -> Prompt:
        """For what was looked up at that point, and may begin a pixel beside it."""
        return Prompt(self.box, self.points[1:], self.background)

    def shifted(self, x: int, y: int, scale_x: float = 1.0, scale_y: float = 1.0) -> Prompt:
        """The same in another picture: moved, then scaled. A box keeps a pixel at least."""
        return Prompt(
            None if self.box is None else _scaled_box(self.box, x, y, scale_x, scale_y),
            tuple(((px + x) * scale_x, (py + y) * scale_y) for px, py in self.points),
            tuple(((px + x) * scale_x, (py + y) * scale_y) for px, py in self.background),
        )


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


def _scaled_box(box: PixelBox, x: int, y: int, scale_x: float, scale_y: float) -> PixelBox:
    # Less what rounding of the scale may add to an edge that is the picture's own.
    x0, y0 = (math.floor(edge + 1e-6) for edge in ((box.x0 + x) * scale_x, (box.y0 + y) * scale_y))
    x1, y1 = (math.ceil(edge - 1e-6) for edge in ((box.x1 + x) * scale_x, (box.y1 + y) * scale_y))
    return box._replace(x0=x0, y0=y0, x1=max(x1, x0 + 1), y1=max(y1, y0 + 1))


class Segmenter(Protocol):
    """A backend of both tools, made as `Class(settings, place of the weights)`."""

    name: str
    """What answers, with its version: "sam2 1.1.0 sam2.1_hiera_tiny.pt on cpu"."""
    batches: bool
    """Whether several scenes at once are faster than one after another."""

    def segment(self, scenes: Sequence[Scene]) -> Sequence[list[Region]]:
        """One region for each prompt of each scene, in their order."""
        ...
