"""DrawHorizontalLineByY: a horizontal line across an image, at one row."""

from __future__ import annotations

from thinkimg_rpc.tool import Call, Tool
from thinkimg_rpc.v1 import DrawHorizontalLineByYRequest, DrawHorizontalLineByYResponse
from thinkimg_workers.lines import BACKEND, band_around, color_of, paint


class DrawHorizontalLineByY(Tool[DrawHorizontalLineByYRequest, DrawHorizontalLineByYResponse]):
    """Draw a horizontal line; the image keeps its size."""

    backend = BACKEND

    def run(
        self, request: DrawHorizontalLineByYRequest, call: Call
    ) -> DrawHorizontalLineByYResponse:
        color = color_of(request.color)
        image = call.image(request.image).copy()
        band = band_around(request.y, request.thickness or 1, image.shape[0], "y")
        paint(image[band], color, request.style)
        return DrawHorizontalLineByYResponse(image=call.reply_image(image, request.format))
