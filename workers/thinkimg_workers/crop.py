"""Crop: look at a part of an image closely."""

from __future__ import annotations

import math

import cv2

from thinkimg_rpc.errors import OutOfRange
from thinkimg_rpc.imaging.rgb import known_uint8
from thinkimg_rpc.tool import Call, PixelBox, Tool
from thinkimg_rpc.v1 import Box, CropRequest, CropResponse

MAX_RESULT_PIXELS = 16_000_000


class Crop(Tool[CropRequest, CropResponse]):
    """Cut a region out of an image, optionally with padding and enlarged."""

    backend = f"opencv {cv2.__version__}"

    def run(self, request: CropRequest, call: Call) -> CropResponse:
        image = call.image(request.image)
        box = _padded(call.box(request.box, within=image), request.padding, image.shape)
        region = image[box.rows, box.columns]
        if request.HasField("scale") and request.scale != 1:
            size = _size(box, request.scale)
            region = known_uint8(cv2.resize(region, size, interpolation=_method(request)))
        return CropResponse(
            image=call.reply_image(region, request.format),
            box=Box(x0=box.x0, y0=box.y0, x1=box.x1, y1=box.y1),
        )


def _padded(box: PixelBox, padding: float, shape: tuple[int, ...]) -> PixelBox:
    around = math.ceil(padding)
    return PixelBox(
        max(box.x0 - around, 0),
        max(box.y0 - around, 0),
        min(box.x1 + around, shape[1]),
        min(box.y1 + around, shape[0]),
    )


def _size(box: PixelBox, scale: float) -> tuple[int, int]:
    width = max(1, round((box.x1 - box.x0) * scale))
    height = max(1, round((box.y1 - box.y0) * scale))
    if width * height > MAX_RESULT_PIXELS:
        raise OutOfRange.field(
            "scale",
            f"gives {width}x{height}, over {MAX_RESULT_PIXELS} pixels; "
            "choose a smaller scale or box",
        )
    return width, height


def _method(request: CropRequest) -> int:
    # Averaging over the area keeps thin strokes when shrinking; cubic is sharper when enlarging.
    return cv2.INTER_CUBIC if request.scale > 1 else cv2.INTER_AREA
