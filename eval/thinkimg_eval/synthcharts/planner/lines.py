"""A line: how high it is at a place, from a closer look."""

from __future__ import annotations

import numpy as np

from thinkimg_eval.synthcharts.planner.paint import Color, share_of
from thinkimg_eval.synthcharts.planner.picture import Closer

_FAINT = 0.12
"""Less of a colour than this in a pixel is none."""


def height_at(closer: Closer, x: float, color: Color, paper: Color) -> float | None:
    """y of a line in a colour at x, both in the picture; None where it is not seen."""
    height, width = closer.pixels.shape[:2]
    column = (x - closer.box.x0) / closer.box.width * width
    # One shown pixel to each side: the line may bend right here.
    first, last = max(0, round(column) - 1), min(width, round(column) + 1)
    if first >= last:
        return None
    shares = share_of(closer.pixels[:, first:last], color, paper).mean(axis=1)
    shares -= np.median(shares)  # a grid line along the column
    shares[shares < _FAINT] = 0
    if not shares.any():
        return None
    low, high = _strongest_run(shares)
    rows = np.arange(low, high) + 0.5
    y = float((shares[low:high] * rows).sum() / shares[low:high].sum())
    return float(closer.box.y0 + y / height * closer.box.height)


def _strongest_run(shares: np.ndarray) -> tuple[int, int]:
    """The rows without a gap that have the most of the colour."""
    best, start, sum_of_best = (0, 0), None, 0.0
    for row, share in enumerate([*shares.tolist(), 0.0]):
        if share > 0 and start is None:
            start = row
        elif share == 0 and start is not None:
            total = float(shares[start:row].sum())
            if total > sum_of_best:
                best, sum_of_best = (start, row), total
            start = None
    return best
