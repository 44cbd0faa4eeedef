"""OCR: read the text in an image."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np

from thinkimg_rpc.tool import Call, Tool
from thinkimg_rpc.v1 import Box, OCRRequest, OCRResponse, Point, Quad, TextSpan
from thinkimg_workers.reading_order import Extent, in_reading_order
from thinkimg_workers.text_reader import TextLine, TextReader

_DEFAULT_MIN_SCORE = 0.5


class OCR(Tool[OCRRequest, OCRResponse]):
    """Read the text in an image or in a region of it, in reading order."""

    backend = f"rapidocr {version('rapidocr')}"

    def setup(self) -> None:
        self._reader = TextReader()

    def run(self, request: OCRRequest, call: Call) -> OCRResponse:
        pixels = call.image(request.image)
        offset = np.zeros(2, np.float32)
        if request.HasField("region"):
            region = call.box(request.region, within=pixels)
            offset = np.array([region.x0, region.y0], np.float32)
            pixels = pixels[region.rows, region.columns]
        least = request.min_score if request.HasField("min_score") else _DEFAULT_MIN_SCORE
        lines = [
            line._replace(corners=line.corners + offset)
            for line in self._reader.read(pixels, call.check_deadline)
            if line.score >= least
        ]
        return OCRResponse(spans=map(span_of, in_reading_order(lines, extent_of)))


def extent_of(line: TextLine) -> Extent:
    x0, y0 = line.corners.min(axis=0)
    x1, y1 = line.corners.max(axis=0)
    return Extent(float(x0), float(y0), float(x1), float(y1))


def span_of(line: TextLine) -> TextSpan:
    """A line on the wire."""
    points = [Point(x=float(x), y=float(y)) for x, y in line.corners]
    return TextSpan(
        text=line.text,
        quad=Quad(
            top_left=points[0],
            top_right=points[1],
            bottom_right=points[2],
            bottom_left=points[3],
        ),
        box=Box(**extent_of(line)._asdict()),
        score=line.score,
    )
