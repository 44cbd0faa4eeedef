"""Colour bars: strips in which every row is the same run through many colours."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_workers.panels.rect import Rect

_ALIKE = 12
"""How far, in one of the colours, rows may differ that are the same."""
_MARKS = 0.05
"""Of a row's length: how much a mark may cover."""
_SHARE = 0.25
"""Of a strip's height, with marks and numbers below or on it: how much is the same row."""
_COLORS, _COARSE = 6, 24
"""How many colours there are at least, told apart in steps of so many shades."""


def is_ramp(pixels: Pixels, piece: Rect) -> bool:
    """Whether a piece of (H, W, 3) pixels is a colour bar, lying or upright."""
    part = pixels[piece.y0 : piece.y1, piece.x0 : piece.x1].astype(np.int16)
    if piece.height > piece.width:
        part = part.swapaxes(0, 1)
    ends = part.shape[1] // 20  # a frame, and marks at it
    inner = part[:, ends : part.shape[1] - ends]
    changes = np.flatnonzero(~_alike(inner[1:], inner[:-1])) + 1
    runs = pairwise([0, *changes.tolist(), len(inner)])
    return any(
        end - begin >= max(3, int(_SHARE * len(inner)))
        and bool(_alike(inner[end - 1], inner[begin]))
        and _is_colorful(inner[begin])
        for begin, end in runs
    )


def _alike(one: NDArray[np.int16], other: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Whether rows (..., W, 3) are the same but for a mark: (...)."""
    unlike = np.abs(one - other).max(axis=-1) > _ALIKE
    return np.asarray(unlike.mean(axis=-1) <= _MARKS)


def _is_colorful(row: NDArray[np.int16]) -> bool:
    """Whether a row (W, 3) has many colours, and none for most of its length."""
    _, counts = np.unique(row // _COARSE, axis=0, return_counts=True)
    return bool(len(counts) >= _COLORS and counts.max() < len(row) / 2)
