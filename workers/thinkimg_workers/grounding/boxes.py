"""Boxes, and how they lie to each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Box(NamedTuple):
    """x0, y0, x1, y1 in pixels: origin top left, y down."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def middle(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def has(self, x: float, y: float) -> bool:
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1

    def has_middle_of(self, other: Box) -> bool:
        return self.has(*other.middle)

    def grown(self, by_x: float, by_y: float | None = None) -> Box:
        by_y = by_x if by_y is None else by_y
        return Box(self.x0 - by_x, self.y0 - by_y, self.x1 + by_x, self.y1 + by_y)

    def scaled(self, factor: float) -> Box:
        return Box(*(edge * factor for edge in self))

    def clipped(self, width: float, height: float) -> Box:
        return Box(
            min(max(self.x0, 0), width),
            min(max(self.y0, 0), height),
            min(max(self.x1, 0), width),
            min(max(self.y1, 0), height),
        )


def union_of(boxes: Iterable[Box]) -> Box:
    """The smallest box around all. Raises: ValueError, when there are none."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return Box(min(x0), min(y0), max(x1), max(y1))


def shared_area(one: Box, other: Box) -> float:
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(0.0, width) * max(0.0, height)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    shared = shared_area(one, other)
    union = one.area + other.area - shared
    return shared / union if union > 0 else 0.0


def gap(one_low: float, one_high: float, other_low: float, other_high: float) -> float:
    """How far two stretches of an axis are apart; negative where they overlap."""
    return max(one_low, other_low) - min(one_high, other_high)
