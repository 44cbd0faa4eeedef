"""What is drawn on a figure's background."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_workers.panels.rect import Rect

Mask = NDArray[np.bool_]
"""(H, W): whether a pixel differs from the background."""

_FAINTEST = 11
"""The least difference, in one of the colours, that counts as drawn: plots are shaded lightly."""
_EDGE_SHARE = 0.01
"""How much of the picture's sides is looked at for the background."""
_QUANTUM = 16
_CLOSED = 3
"""Gaps this wide, in pixels, are no gaps: white grid lines between shaded cells."""


def content_of(pixels: Pixels) -> Mask:
    """Where (H, W, 3) RGB pixels differ from the commonest colour along the edge."""
    background = _background(pixels).astype(int)
    least, most = (background - _FAINTEST + 1).tolist(), (background + _FAINTEST - 1).tolist()
    # Of what numpy and OpenCV offer, the fastest by far.
    alike = cv2.inRange(pixels, tuple(least), tuple(most))
    return np.asarray(alike == 0)


def pieces_of(content: Mask) -> list[Rect]:
    """The boxes of what hangs together, large or small, in no particular order."""
    kernel = np.ones((_CLOSED, _CLOSED), np.uint8)
    closed = cv2.morphologyEx(content.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    _, _, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    return [Rect(x, y, x + width, y + height) for x, y, width, height, _ in stats[1:].tolist()]


def trimmed(content: Mask, rect: Rect) -> Rect | None:
    """The box of what is drawn inside a box; None if nothing is."""
    part = content[rect.y0 : rect.y1, rect.x0 : rect.x1]
    columns, rows = np.flatnonzero(part.any(axis=0)), np.flatnonzero(part.any(axis=1))
    if not columns.size:
        return None
    return Rect(
        rect.x0 + int(columns[0]),
        rect.y0 + int(rows[0]),
        rect.x0 + int(columns[-1]) + 1,
        rect.y0 + int(rows[-1]) + 1,
    )


def _background(pixels: Pixels) -> NDArray[np.uint8]:
    """The commonest colour of the picture's edge, (3,)."""
    height, width = pixels.shape[:2]
    across, down = max(1, round(width * _EDGE_SHARE)), max(1, round(height * _EDGE_SHARE))
    edge = np.concatenate(
        [
            part.reshape(-1, 3)
            for part in (
                pixels[:down],
                pixels[-down:],
                pixels[:, :across],
                pixels[:, -across:],
            )
        ]
    )
    coarse = (edge // _QUANTUM).astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    values, counts = np.unique(coarse, return_counts=True)
    commonest = edge[coarse == values[counts.argmax()]]
    return np.asarray(np.median(commonest, axis=0), np.uint8)
