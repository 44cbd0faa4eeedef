"""A mask of a part of an image: what the classical segmenter works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from thinkimg_rpc.imaging.mask import MaskPixels
from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.tool import PixelBox
from thinkimg_workers.segmentation.border import Lab
from thinkimg_workers.segmentation.frame import frame_of
from thinkimg_workers.segmentation.segmenter import Spot


@dataclass(frozen=True)
class Patch:
    """A region inside a window of the image; outside the window there is none of it."""

    window: PixelBox
    mask: MaskPixels
    """(h, w) of the window."""
    clarity: float = 0.0
    """How clearly its border stands out, 0 to 1."""

    @property
    def frame(self) -> PixelBox | None:
        """The smallest box around it, in the image's pixels."""
        found = frame_of(self.mask)
        if found is None:
            return None
        x, y = self.window.x0, self.window.y0
        return PixelBox(found.x0 + x, found.y0 + y, found.x1 + x, found.y1 + y)

    def has(self, spot: Spot) -> bool:
        """Whether a point of the image is on it."""
        column, row = int(spot[0]) - self.window.x0, int(spot[1]) - self.window.y0
        height, width = self.mask.shape
        return 0 <= column < width and 0 <= row < height and bool(self.mask[row, column])

    def within(self, window: PixelBox) -> MaskPixels:
        """(h, w) what of it is in another window."""
        mask = np.zeros((window.y1 - window.y0, window.x1 - window.x0), np.bool_)
        own = self.window
        x0, y0 = max(window.x0, own.x0), max(window.y0, own.y0)
        x1, y1 = min(window.x1, own.x1), min(window.y1, own.y1)
        if x0 < x1 and y0 < y1:
            mask[y0 - window.y0 : y1 - window.y0, x0 - window.x0 : x1 - window.x0] = self.mask[
                y0 - own.y0 : y1 - own.y0, x0 - own.x0 : x1 - own.x0
            ]
        return mask

    def whole(self, height: int, width: int) -> MaskPixels:
        """(height, width) of the image."""
        mask = np.zeros((height, width), np.bool_)
        mask[self.window.rows, self.window.columns] = self.mask
        return mask


def window_around(spot: Spot, side: int, height: int, width: int) -> PixelBox:
    """The part of the image that is within side / 2 of a point."""
    x, y, half = int(spot[0]), int(spot[1]), side // 2
    return PixelBox(
        max(0, x - half), max(0, y - half), min(width, x + half + 1), min(height, y + half + 1)
    )


def touches_inner_edge(frame: PixelBox, window: PixelBox, height: int, width: int) -> bool:
    """Whether something reaches an edge of its window that is not the image's own edge."""
    return (
        (frame.x0 <= window.x0 and window.x0 > 0)
        or (frame.y0 <= window.y0 and window.y0 > 0)
        or (frame.x1 >= window.x1 and window.x1 < width)
        or (frame.y1 >= window.y1 and window.y1 < height)
    )


def to_lab(pixels: Pixels) -> Lab:
    """(H, W, 3) RGB to CIE L*a*b*."""
    return cast(Lab, cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2Lab))


def part_at(mask: MaskPixels, column: int, row: int, connectivity: int = 4) -> MaskPixels:
    """The connected part of a mask that has this pixel; empty if the mask has it not."""
    if not mask[row, column]:
        return np.zeros_like(mask)
    _, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=connectivity)
    same = labels == labels[row, column]
    return cast(MaskPixels, same)


def without_holes(mask: MaskPixels) -> MaskPixels:
    """With everything that the mask encloses."""
    outside = cv2.copyMakeBorder((~mask).view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(outside, None, (0, 0), (0,))
    return mask | (outside[1:-1, 1:-1] > 0)
