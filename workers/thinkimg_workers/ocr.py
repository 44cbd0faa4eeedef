"""OCR: the text in an image, with RapidOCR, whose models come with its package."""

from __future__ import annotations

import threading
from importlib.metadata import version
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.tool import Call, PixelBox, Tool
from thinkimg_rpc.v1 import Box, OCRRequest, OCRResponse, Point, Quad, TextSpan
from thinkimg_workers.reading_order import in_reading_order

DEFAULT_MIN_SCORE = 0.5


class OCR(Tool[OCRRequest, OCRResponse]):
    """Read the text in an image, or in a region of it."""

    def setup(self) -> None:
        # Takes a second to import; only a worker that serves OCR pays for it.
        from rapidocr import RapidOCR

        self._engine: Any = RapidOCR(
            params={"Global.log_level": "error", "Global.use_cls": False, "Global.text_score": 0.0}
        )
        # The engine keeps state between its steps.
        self._one_at_a_time = threading.Lock()
        self.backend = f"rapidocr {version('rapidocr')}"
        self._read(np.full((64, 256, 3), 255, np.uint8))

    def run(self, request: OCRRequest, call: Call) -> OCRResponse:
        image = call.image(request.image)
        region = PixelBox(0, 0, image.shape[1], image.shape[0])
        if request.HasField("region"):
            region = call.box(request.region, within=image)
        least = request.min_score if request.HasField("min_score") else DEFAULT_MIN_SCORE
        corner = np.array((region.x0, region.y0), np.float64)
        spans = [
            _span(quad + corner, text, score)
            for quad, text, score in self._read(image[region.rows, region.columns])
            if score >= least and text.strip()
        ]
        return OCRResponse(spans=in_reading_order(spans))

    def _read(self, pixels: Pixels) -> list[tuple[NDArray[np.float64], str, float]]:
        """Quads (4, 2) in pixels of `pixels`, clockwise from the text's top left."""
        with self._one_at_a_time:
            found = self._engine(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        if found.boxes is None:
            return []
        quads = np.asarray(found.boxes, np.float64)
        return list(zip(quads, found.txts, map(float, found.scores), strict=True))


def _span(quad: NDArray[np.float64], text: str, score: float) -> TextSpan:
    corners = [Point(x=x, y=y) for x, y in quad.tolist()]
    (x0, y0), (x1, y1) = quad.min(axis=0), quad.max(axis=0)
    return TextSpan(
        text=text,
        quad=Quad(
            top_left=corners[0],
            top_right=corners[1],
            bottom_right=corners[2],
            bottom_left=corners[3],
        ),
        box=Box(x0=x0, y0=y0, x1=x1, y1=y1),
        score=score,
    )
