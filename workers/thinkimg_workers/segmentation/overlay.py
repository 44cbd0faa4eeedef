"""Pictures of regions, for eyes."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_workers.segmentation.region import Region

Color = tuple[int, int, int]

COLORS: tuple[Color, ...] = (
    (230, 25, 75),
    (0, 130, 200),
    (60, 180, 75),
    (245, 130, 48),
    (145, 30, 180),
    (0, 190, 190),
    (240, 50, 230),
    (170, 110, 40),
)
"""RGB, as unlike each other as eight can be; then they begin anew."""
OPACITY = 0.5
_UNLIKE = 150.0
"""How far a colour must be from what it is laid over and beside, in RGB."""
_PIXELS_PER_OUTLINE_PIXEL = 600
"""An outline is one pixel wide, plus one for each of these that the image's longer side has."""


def laid_over(pixels: Pixels, regions: Sequence[Region]) -> Pixels:
    """A copy of the image with each region in a translucent colour, its outline opaque."""
    picture = pixels.copy()
    width = 1 + max(pixels.shape[:2]) // _PIXELS_PER_OUTLINE_PIXEL
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (2 * width + 1, 2 * width + 1))
    left: list[Color] = []
    for region in regions:
        part, inside = picture[region.window.rows, region.window.columns], region.mask
        if not inside.any():
            continue
        left = left or list(COLORS)  # when all are used, anew
        sides = [part[side].mean(axis=0) for side in (inside, ~inside) if side.any()]
        chosen = _unlike(sides, left)
        left.remove(chosen)
        color = np.array(chosen, np.float32)
        tinted = part[inside] * np.float32(1 - OPACITY) + color * np.float32(OPACITY)
        part[inside] = np.rint(tinted).astype(np.uint8)
        core = cv2.erode(
            inside.view(np.uint8), cross, borderType=cv2.BORDER_CONSTANT, borderValue=0
        )
        part[inside & (core == 0)] = color.astype(np.uint8)
    return picture


def _unlike(sides: Sequence[NDArray[np.float64]], left: Sequence[Color]) -> Color:
    """The first of the colours that can be told from what is under it and beside it; else
    the one that can best."""
    distances = [min(float(np.linalg.norm(side - color)) for side in sides) for color in left]
    clear = [color for color, far in zip(left, distances, strict=True) if far >= _UNLIKE]
    return clear[0] if clear else left[int(np.argmax(distances))]
