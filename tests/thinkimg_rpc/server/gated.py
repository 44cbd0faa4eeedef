"""Tools on OCR's contract that wait for the test, and note what they were asked."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, ClassVar

from thinkimg_rpc.errors import CallerError
from thinkimg_rpc.tool import Call, Tool
from thinkimg_rpc.v1 import Image, OCRRequest, OCRResponse, TextSpan

from ...mesh_fixtures import BOUND_S, png

CHART = png()


class Gated(Tool[OCRRequest, OCRResponse]):
    """Answers with its request's min_score, once `gate` is set. Make one with `fresh`."""

    cacheable = True
    backend = "gate 1"
    asked: ClassVar[list[float]]
    """The min_score of each request computed."""
    gate: ClassVar[threading.Event]

    @classmethod
    def fresh(cls, *, closed: bool = False, **attributes: Any) -> type[Any]:
        """A class of its own, with nothing asked yet."""
        gate = threading.Event()
        if not closed:
            gate.set()
        return type(cls.__name__, (cls,), {"asked": [], "gate": gate, **attributes})

    def run(self, request: OCRRequest, call: Call) -> OCRResponse:
        self.asked.append(request.min_score)
        self._wait(call)
        return self.answer_to(request)

    def answer_to(self, request: OCRRequest) -> OCRResponse:
        return OCRResponse(spans=[TextSpan(text=f"{request.min_score:g}")])

    def _wait(self, call: Call) -> None:
        for _ in range(round(BOUND_S / 0.01)):
            if self.gate.wait(0.01):
                return
            call.check_deadline()


class GatedBatches(Gated):
    """The same, in passes."""

    cacheable = False
    passes: ClassVar[list[list[float]]]
    """The min_score of each request of each pass, in the order they stood in."""

    @classmethod
    def fresh(cls, *, closed: bool = False, **attributes: Any) -> type[Any]:
        return super().fresh(closed=closed, passes=[], **attributes)

    def run_batch(
        self, requests: Sequence[OCRRequest], calls: Sequence[Call]
    ) -> Sequence[OCRResponse | CallerError]:
        self.passes.append([request.min_score for request in requests])
        assert self.gate.wait(BOUND_S)
        return [
            self.answer_in_pass(request, call)
            for request, call in zip(requests, calls, strict=True)
        ]

    def answer_in_pass(self, request: OCRRequest, call: Call) -> OCRResponse | CallerError:
        height, width = call.image(request.image).shape[:2]
        return OCRResponse(spans=[TextSpan(text=f"{request.min_score:g} {width}x{height}")])


def asking(min_score: float = 0.5, data: bytes = CHART) -> OCRRequest:
    return OCRRequest(image=Image(data=data), min_score=min_score)


def text_of(response: OCRResponse) -> str:
    (span,) = response.spans
    return span.text
