"""Crop: look at a part of an image closely."""

from __future__ import annotations

import math

import cv2

from thinkimg_rpc.errors import OutOfRange
from thinkimg_rpc.imaging.limits import MAX_SIDE
from thinkimg_rpc.imaging.rgb import Pixels, known_uint8
from thinkimg_rpc.tool import Call, PixelBox, Tool
from thinkimg_rpc.v1 import Box, CropRequest, CropResponse

MAX_ENLARGED_PIXELS = 1 << 24
"""4096 x 4096: more than any model looks at, and 48 MiB of memory."""


class Crop(Tool[CropRequest, CropResponse]):
    """Cut a region out of an image, optionally with padding and enlarged."""

    backend = f"opencv {cv2.__version__}"

    def run(self, request: CropRequest, call: Call) -> CropResponse:
        image = call.image(request.image)
        call.box(request.box, within=image)
        kept = padded(request.box, request.padding, within=image)
        region = image[kept.rows, kept.columns]
        if request.HasField("scale"):
            region = scaled(region, request.scale)
        return CropResponse(
            image=call.reply_image(region, request.format),
            box=Box(x0=kept.x0, y0=kept.y0, x1=kept.x1, y1=kept.y1),
        )


def padded(box: Box, padding: float, within: Pixels) -> PixelBox:
    """The whole pixels of a box with `padding` around it, as far as the image goes."""
    height, width = within.shape[:2]
    return PixelBox(
        max(0, math.floor(box.x0 - padding)),
        max(0, math.floor(box.y0 - padding)),
        min(width, math.ceil(box.x1 + padding)),
        min(height, math.ceil(box.y1 + padding)),
    )


def scaled(pixels: Pixels, scale: float) -> Pixels:
    """(H, W, 3) to (scale * H, scale * W, 3), both rounded, one pixel at least.

    Raises: OutOfRange, when an enlargement would be too large.
    """
    height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
    if scale > 1 and (width * height > MAX_ENLARGED_PIXELS or max(width, height) > MAX_SIDE):
        raise OutOfRange.field(
            "scale",
            f"{scale:g} gives {width}x{height}, over {MAX_ENLARGED_PIXELS} pixels or "
            f"{MAX_SIDE} on a side; choose a smaller scale or box",
        )
    # Averaging over the area keeps thin strokes when shrinking; cubic is sharper when enlarging.
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return known_uint8(cv2.resize(pixels, (width, height), interpolation=method))
