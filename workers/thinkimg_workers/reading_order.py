"""The order in which a person reads scattered pieces of text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

Piece = TypeVar("Piece")


class Extent(NamedTuple):
    """The smallest box around a piece of text, in pixels."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2


def in_reading_order(pieces: Sequence[Piece], extent_of: Callable[[Piece], Extent]) -> list[Piece]:
    """Lines from top to bottom, and from left to right within a line.

    A piece belongs to a line if its middle is within half a height of that of
    the line's highest piece, the lower of the two heights. So a tall label
    beside a list does not draw the whole list into one line, nor do stairs of
    labels along a curve.
    """
    lines: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: extent_of(piece).middle):
        if lines and _side_by_side(extent_of(lines[-1][0]), extent_of(piece)):
            lines[-1].append(piece)
        else:
            lines.append([piece])
    return [piece for line in lines for piece in sorted(line, key=lambda p: extent_of(p).x0)]


def _side_by_side(one: Extent, other: Extent) -> bool:
    return abs(one.middle - other.middle) < min(one.height, other.height) / 2
