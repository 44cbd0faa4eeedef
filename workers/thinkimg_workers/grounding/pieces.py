"""What hangs together in one colour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from thinkimg_workers.grounding.boxes import Box
from thinkimg_workers.grounding.palette import Palette

_LEAST_PIXELS = 4
_MOST_PIECES = 6000
"""Of one colour: more is a photograph, or noise."""
_SOLID = 0.97


@dataclass(frozen=True, eq=False)
class Piece:
    """One run of connected pixels of one colour of the palette."""

    box: Box
    area: int
    color: int
    labels: NDArray[np.int32]
    """(h, w) the numbers of the pieces in the box, this one among others."""
    number: int

    @cached_property
    def mask(self) -> NDArray[np.uint8]:
        """(h, w) 1 where it is, in its box."""
        return np.asarray(self.labels == self.number, np.uint8)

    @cached_property
    def filled(self) -> float:
        """How much of its box its outline encloses: text written on it is no hole."""
        share = self.area / self.box.area
        if share >= _SOLID or min(self.box.width, self.box.height) < 3:
            return share
        outline, _ = cv2.findContours(self.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        solid = np.zeros_like(self.mask)
        cv2.drawContours(solid, outline, -1, 1, thickness=cv2.FILLED)
        return float(solid.mean())

    @property
    def thickness(self) -> float:
        """Pixels for each pixel of its longer side: of a line, about its stroke."""
        return self.area / max(self.box.width, self.box.height)

    def inside(self) -> tuple[float, float]:
        """A point well inside it, near its middle."""
        padded = cv2.copyMakeBorder(self.mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
        depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
        rows, columns = np.nonzero(depth >= 0.8 * depth.max())
        middle_y, middle_x = (side / 2 for side in depth.shape)
        nearest = np.hypot(rows - middle_y, columns - middle_x).argmin()
        return self.box.x0 + float(columns[nearest]) + 0.5, self.box.y0 + float(rows[nearest]) + 0.5


def pieces_of(palette: Palette, check_deadline: Callable[[], None]) -> list[Piece]:
    """The pieces of all colours but the paper's."""
    pieces: list[Piece] = []
    for color in range(1, len(palette)):
        check_deadline()
        pieces += _pieces_of_color(palette.labels == color, color)
    return pieces


def thick_parts(piece: Piece, least: int) -> list[Piece]:
    """The parts of a piece that are at least so many pixels wide and high, each by itself."""
    square = np.ones((least, least), np.uint8)
    framed = cv2.copyMakeBorder(piece.mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    thick = cv2.morphologyEx(framed, cv2.MORPH_OPEN, square)[1:-1, 1:-1] > 0
    x, y = piece.box.x0, piece.box.y0
    return [
        replace(part, box=Box(*np.add(part.box, (x, y, x, y)).tolist()))
        for part in _pieces_of_color(thick, piece.color)
    ]


def _pieces_of_color(mask: NDArray[np.bool_], color: int) -> list[Piece]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return []
    top, left = int(rows[0]), int(columns[0])
    part = mask[top : rows[-1] + 1, left : columns[-1] + 1].astype(np.uint8)
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(part, connectivity=8, ltype=cv2.CV_32S)
    areas = stats[1:, cv2.CC_STAT_AREA]
    large = np.flatnonzero(areas >= _LEAST_PIXELS)
    if len(large) > _MOST_PIECES:
        large = large[np.argsort(-areas[large], kind="stable")[:_MOST_PIECES]]
    pieces = []
    for number in (large + 1).tolist():
        x, y, width, height, area = stats[number].tolist()
        box = Box(left + x, top + y, left + x + width, top + y + height)
        within = np.asarray(numbers[y : y + height, x : x + width], np.int32)
        pieces.append(Piece(box, area, color, within, number))
    return pieces
