"""DrawVerticalLineByX: a vertical line across an image, at one column."""

from __future__ import annotations

from thinkimg_rpc.tool import Call, Tool
from thinkimg_rpc.v1 import DrawVerticalLineByXRequest, DrawVerticalLineByXResponse
from thinkimg_workers.lines import BACKEND, band_around, color_of, paint


class DrawVerticalLineByX(Tool[DrawVerticalLineByXRequest, DrawVerticalLineByXResponse]):
    """Draw a vertical line; the image keeps its size."""

    backend = BACKEND

    def run(self, request: DrawVerticalLineByXRequest, call: Call) -> DrawVerticalLineByXResponse:
        color = color_of(request.color)
        image = call.image(request.image).copy()
        band = band_around(request.x, request.thickness or 1, image.shape[1], "x")
        paint(image[:, band].swapaxes(0, 1), color, request.style)
        return DrawVerticalLineByXResponse(image=call.reply_image(image, request.format))
