"""OCR: read the text in an image."""

from __future__ import annotations

import numpy as np

from thinkimg_rpc.tool import Call, Tool
from thinkimg_rpc.v1 import Box, OCRRequest, OCRResponse, Point, Quad, TextSpan
from thinkimg_workers.backends import Backend, open_backend
from thinkimg_workers.page_text import PageText
from thinkimg_workers.reading_order import Extent, in_reading_order
from thinkimg_workers.text_line import TextLine

BACKENDS = (
    Backend(
        "rapidocr",
        "thinkimg_workers.page_text:shared_page_text",
        modules=("rapidocr", "onnxruntime"),
        install="thinkimg-rpc[serve]",
    ),
    Backend(
        "easyocr",
        "thinkimg_workers.ocr_easyocr:open_easyocr",
        modules=("easyocr",),
        install="thinkimg-rpc[models]",
        weights="easyocr",
    ),
)
_DEFAULT_MIN_SCORE = 0.5


class OCR(Tool[OCRRequest, OCRResponse]):
    """Read the text in an image or in a region of it, in reading order."""

    choices = BACKENDS
    backends = tuple(backend.name for backend in BACKENDS)
    cacheable = True

    def setup(self) -> None:
        self._text: PageText = open_backend(BACKENDS, self.settings)
        self.backend = self._text.reader.name

    def run(self, request: OCRRequest, call: Call) -> OCRResponse:
        least = request.min_score if request.HasField("min_score") else _DEFAULT_MIN_SCORE
        lines = [line for line in self._lines(request, call) if line.score >= least]
        return OCRResponse(spans=map(span_of, in_reading_order(lines, extent_of)))

    def _lines(self, request: OCRRequest, call: Call) -> list[TextLine]:
        if not request.HasField("region"):
            return self._text.lines_of(call, request.image)
        pixels = call.image(request.image)
        region = call.box(request.region, within=pixels)
        offset = np.array([region.x0, region.y0], np.float32)
        lines = self._text.reader.read(pixels[region.rows, region.columns], call.check_deadline)
        return [line._replace(corners=line.corners + offset) for line in lines]


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
