"""Pictures of regions, for eyes."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_workers.segmentation.region import Region

COLORS = (
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
OPACITY = 0.45
_PIXELS_PER_OUTLINE_PIXEL = 600
"""An outline is one pixel wide, plus one for each of these that the image's longer side has."""


def laid_over(pixels: Pixels, regions: Sequence[Region]) -> Pixels:
    """A copy of the image with each region in a translucent colour, its outline opaque."""
    picture = pixels.copy()
    width = 1 + max(pixels.shape[:2]) // _PIXELS_PER_OUTLINE_PIXEL
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (2 * width + 1, 2 * width + 1))
    for index, region in enumerate(regions):
        color = np.array(COLORS[index % len(COLORS)], np.float32)
        part, inside = picture[region.window.rows, region.window.columns], region.mask
        tinted = part[inside] * np.float32(1 - OPACITY) + color * np.float32(OPACITY)
        part[inside] = np.rint(tinted).astype(np.uint8)
        core = cv2.erode(
            inside.view(np.uint8), cross, borderType=cv2.BORDER_CONSTANT, borderValue=0
        )
        part[inside & (core == 0)] = color.astype(np.uint8)
    return picture
