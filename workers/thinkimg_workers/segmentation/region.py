"""A region of an image: a mask of a part of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thinkimg_rpc.imaging.mask import MaskPixels
from thinkimg_rpc.tool import PixelBox
from thinkimg_workers.segmentation.frame import frame_of
from thinkimg_workers.segmentation.segmenter import Spot


@dataclass(frozen=True)
class Region:
    """What belongs together inside a window of the image; outside it there is none of it."""

    window: PixelBox
    mask: MaskPixels
    """(h, w) of the window."""
    score: float = 0.0
    """0 to 1, higher is surer."""

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

    def shifted(self, x: int, y: int) -> Region:
        """The same in a picture that begins further up and left."""
        own = self.window
        moved = PixelBox(own.x0 + x, own.y0 + y, own.x1 + x, own.y1 + y)
        return Region(moved, self.mask, self.score)

    def trimmed(self) -> Region:
        """The same in the smallest window."""
        found = frame_of(self.mask)
        if found is None:
            return Region(PixelBox(0, 0, 1, 1), np.zeros((1, 1), np.bool_), self.score)
        x, y = self.window.x0, self.window.y0
        window = PixelBox(found.x0 + x, found.y0 + y, found.x1 + x, found.y1 + y)
        return Region(window, self.mask[found.rows, found.columns].copy(), self.score)
