"""Boxes in whole pixels, as the search for panels needs them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Rect(NamedTuple):
    """Columns [x0, x1), rows [y0, y1)."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0

    @property
    def area(self) -> int:
        return max(0, self.width) * max(0, self.height)

    @property
    def middle_x(self) -> float:
        return (self.x0 + self.x1) / 2

    @property
    def middle_y(self) -> float:
        return (self.y0 + self.y1) / 2

    def shared(self, other: Rect) -> Rect:
        """What both cover; its area is 0 if they do not meet."""
        return Rect(
            max(self.x0, other.x0),
            max(self.y0, other.y0),
            min(self.x1, other.x1),
            min(self.y1, other.y1),
        )

    def meets(self, other: Rect) -> bool:
        return self.shared(other).width > 0 and self.shared(other).height > 0

    def overlap_x(self, other: Rect) -> int:
        """How many columns both have; negative: how far apart they are."""
        return min(self.x1, other.x1) - max(self.x0, other.x0)

    def overlap_y(self, other: Rect) -> int:
        """How many rows both have; negative: how far apart they are."""
        return min(self.y1, other.y1) - max(self.y0, other.y0)

    def has_middle_of(self, other: Rect) -> bool:
        return self.x0 <= other.middle_x < self.x1 and self.y0 <= other.middle_y < self.y1

    def grown(self, by: int) -> Rect:
        return Rect(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by)


def around(rects: Iterable[Rect]) -> Rect:
    """The smallest that covers all of at least one."""
    x0s, y0s, x1s, y1s = zip(*rects, strict=True)
    return Rect(min(x0s), min(y0s), max(x1s), max(y1s))
