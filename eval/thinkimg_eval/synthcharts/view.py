"""What a policy is shown of a chart, whatever the tools see."""

from __future__ import annotations

import cv2

from thinkimg_rpc.imaging.rgb import Pixels, known_uint8

VIEWS: dict[str, int | None] = {"small": 112 * 112, "full": None}
"""The most pixels of an image, by the name of the view. "small" is 16 image tokens of
28 × 28 pixels: `python -m thinkimg_eval.synthcharts.check` measures what is left to see."""


def seen(pixels: Pixels, max_pixels: int) -> Pixels:
    """What is left of a picture in a view, as an episode reduces it."""
    height, width = pixels.shape[:2]
    scale = min(1.0, (max_pixels / (width * height)) ** 0.5)
    size = max(1, int(width * scale)), max(1, int(height * scale))
    return known_uint8(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
