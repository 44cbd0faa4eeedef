"""What a model is shown of an image that is too large or too narrow for it."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2

from thinkimg_rpc.imaging.rgb import Pixels, known_uint8


class ModelView(NamedTuple):
    """An image as a model sees it: reduced, then continued by its far edges."""

    pixels: Pixels
    """(H, W, 3) uint8 RGB."""
    scale_x: float
    scale_y: float
    """Pixels of the view for one of the image: nearly the same, but for rounding."""

    @property
    def shown(self) -> tuple[float, float]:
        """Width and height of the view, in pixels of the image."""
        height, width = self.pixels.shape[:2]
        return width / self.scale_x, height / self.scale_y


def view_for_model(pixels: Pixels, *, max_pixels: int, max_aspect: float) -> ModelView:
    """Reduce an image to `max_pixels`, and continue a narrow one to an aspect a model can take.

    Models resize to whole patches themselves, but some fail on a strip one pixel high,
    and their own resizing of a huge picture takes seconds.
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, math.sqrt(max_pixels / (width * height)))
    scaled_width, scaled_height = max(1, round(width * scale)), max(1, round(height * scale))
    if scale < 1:
        pixels = known_uint8(
            cv2.resize(pixels, (scaled_width, scaled_height), interpolation=cv2.INTER_AREA)
        )
    least = math.ceil(max(scaled_width, scaled_height) / max_aspect)
    below, beside = max(0, least - scaled_height), max(0, least - scaled_width)
    if below or beside:
        pixels = known_uint8(cv2.copyMakeBorder(pixels, 0, below, 0, beside, cv2.BORDER_REPLICATE))
    if not pixels.flags.writeable:  # torch knows no tensors that must not be written to
        pixels = pixels.copy()
    return ModelView(pixels, scaled_width / width, scaled_height / height)
