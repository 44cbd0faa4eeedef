"""A very large image on a smaller copy."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.tool import PixelBox
from thinkimg_workers.segmentation.region import Region
from thinkimg_workers.segmentation.segmenter import Prompt


class SmallerView:
    """A window of an image, reduced to so many pixels, and the way back."""

    def __init__(self, pixels: Pixels, window: PixelBox, most_pixels: int) -> None:
        self._window = window
        part = pixels[window.rows, window.columns]
        height, width = part.shape[:2]
        scale = (most_pixels / (width * height)) ** 0.5
        size = max(1, round(width * scale)), max(1, round(height * scale))
        self.small = cast(Pixels, cv2.resize(part, size, interpolation=cv2.INTER_AREA))
        self._scale_x, self._scale_y = size[0] / width, size[1] / height

    def prompt(self, prompt: Prompt) -> Prompt:
        """What is asked about the image, asked about the copy."""
        return prompt.shifted(-self._window.x0, -self._window.y0, self._scale_x, self._scale_y)

    def enlarged(self, region: Region) -> Region:
        """A region of the copy as one of the image."""
        own = region.window
        x0, x1 = (round(edge / self._scale_x) for edge in (own.x0, own.x1))
        y0, y1 = (round(edge / self._scale_y) for edge in (own.y0, own.y1))
        values = region.mask.astype(np.uint8) * 255
        large = cv2.resize(values, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        window = PixelBox(x0, y0, x1, y1)
        return Region(window, large >= 128, region.score).shifted(self._window.x0, self._window.y0)
