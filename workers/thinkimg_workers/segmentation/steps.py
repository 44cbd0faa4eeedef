"""Small steps that the classical segmenter takes everywhere."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from thinkimg_rpc.imaging.mask import MaskPixels
from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.tool import PixelBox
from thinkimg_workers.segmentation.border import Lab
from thinkimg_workers.segmentation.segmenter import Spot


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
