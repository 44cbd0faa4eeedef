"""What a model is shown of an image that is too large or too narrow for it."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2

from thinkimg_rpc.imaging.rgb import Pixels, known_uint8


class ModelView(NamedTuple):
    """An image as a model sees it: reduced by one factor, then continued by its edge."""

    pixels: Pixels
    """(H, W, 3) uint8 RGB."""
    scale: float
    """Pixels of the view for one of the image."""


def view_for_model(pixels: Pixels, *, max_pixels: int, max_aspect: float) -> ModelView:
    """Reduce an image to `max_pixels`, and continue a narrow one to an aspect a model can take.

    Models resize to whole patches themselves, but some fail on a strip one pixel high,
    and their own resizing of a huge picture takes seconds.
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, math.sqrt(max_pixels / (width * height)))
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = known_uint8(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
        height, width = pixels.shape[:2]
    least = math.ceil(max(width, height) / max_aspect)
    below, beside = max(0, least - height), max(0, least - width)
    if below or beside:
        pixels = known_uint8(cv2.copyMakeBorder(pixels, 0, below, 0, beside, cv2.BORDER_REPLICATE))
    return ModelView(pixels, scale)
