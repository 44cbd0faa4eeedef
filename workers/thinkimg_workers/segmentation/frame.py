"""Boxes of whole pixels around masks."""

from __future__ import annotations

import numpy as np

from thinkimg_rpc.imaging.mask import MaskPixels
from thinkimg_rpc.tool import PixelBox


def frame_of(mask: MaskPixels) -> PixelBox | None:
    """The rows and columns that the mask has pixels in; None if it is empty."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return PixelBox(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def grown(box: PixelBox, by: int, shape: tuple[int, ...]) -> PixelBox:
    """A box with a margin, as far as a picture of that shape, (H, W, ...), goes."""
    return PixelBox(
        max(0, box.x0 - by),
        max(0, box.y0 - by),
        min(shape[1], box.x1 + by),
        min(shape[0], box.y1 + by),
    )


def area_of(box: PixelBox) -> int:
    return (box.x1 - box.x0) * (box.y1 - box.y0)


def overlap(one: PixelBox, other: PixelBox) -> float:
    """Intersection over union of two boxes."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (area_of(one) + area_of(other) - shared)
