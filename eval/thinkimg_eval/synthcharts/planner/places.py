"""Places in an image, as fractions of its width and height, and how a dialect writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from thinkimg_agent.coordinates import CoordinateSpace


class Box(NamedTuple):
    """An axis-parallel box: 0 is the left or top edge of the image, 1 the right or bottom."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def x(self) -> float:
        return (self.x0 + self.x1) / 2

    @property
    def y(self) -> float:
        return (self.y0 + self.y1) / 2

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    def grown(self, by: float) -> Box:
        """With `by` more on each side, as far as the image goes."""
        return Box(
            max(0.0, self.x0 - by),
            max(0.0, self.y0 - by),
            min(1.0, self.x1 + by),
            min(1.0, self.y1 + by),
        )

    def holds(self, x: float, y: float) -> bool:
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1

    def has_middle_of(self, other: Box) -> bool:
        return self.holds(other.x, other.y)


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


def union_of(boxes: Sequence[Box]) -> Box:
    """The smallest box around some; there must be one."""
    return Box(
        min(box.x0 for box in boxes),
        min(box.y0 for box in boxes),
        max(box.x1 for box in boxes),
        max(box.y1 for box in boxes),
    )


def overlap(low: float, high: float, other_low: float, other_high: float) -> float:
    """How long two intervals run beside each other; negative: the gap between them."""
    return min(high, other_high) - max(low, other_low)


@dataclass(frozen=True)
class Scale:
    """How a dialect counts along the two sides of one image."""

    space: CoordinateSpace
    shown_width: int
    shown_height: int

    @property
    def far(self) -> tuple[float, float]:
        """What the right and the bottom edge are called."""
        full = self.space.full
        return (float(self.shown_width), float(self.shown_height)) if full is None else (full, full)

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.shown_width / self.shown_height

    def write_x(self, x: float) -> float:
        return self._written(x, self.far[0])

    def write_y(self, y: float) -> float:
        return self._written(y, self.far[1])

    def write_line_x(self, x: float) -> float:
        """Where a line can be drawn: the far edge is outside."""
        return self._rounded(min(self.write_x(x), self.far[0] - self._step))

    def write_line_y(self, y: float) -> float:
        return self._rounded(min(self.write_y(y), self.far[1] - self._step))

    def write_box(self, box: Box) -> dict[str, float]:
        """As a tool's argument, with an area."""
        step = self._step
        written = dict(zip(Box._fields, self.write_corners(box), strict=True))
        for low, high, far in (("x0", "x1", self.far[0]), ("y0", "y1", self.far[1])):
            if written[high] - written[low] < step:
                written[low] = self._rounded(max(0.0, min(written[low], far - step)))
                written[high] = self._rounded(written[low] + step)
        return written

    def write_corners(self, box: Box) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1, as an observation has them."""
        return (
            self.write_x(box.x0),
            self.write_y(box.y0),
            self.write_x(box.x1),
            self.write_y(box.y1),
        )

    def read_box(self, written: Sequence[float]) -> Box:
        """From [x0, y0, x1, y1] of an observation."""
        x0, y0, x1, y1 = written
        across, down = self.far
        return Box(x0 / across, y0 / down, x1 / across, y1 / down)

    @property
    def _step(self) -> float:
        return float(10.0**-self.space.decimals)

    def _written(self, fraction: float, far: float) -> float:
        return self._rounded(min(max(fraction, 0.0), 1.0) * far)

    def _rounded(self, value: float) -> float:
        decimals = self.space.decimals
        return round(value) if decimals == 0 else round(value, decimals)
