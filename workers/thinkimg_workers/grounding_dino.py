"""GroundingDINO: find what a text describes."""

from __future__ import annotations

from collections.abc import Sequence

from thinkimg_rpc.errors import CallerError, InvalidRequest
from thinkimg_rpc.tool import Call, Tool
from thinkimg_rpc.v1 import Box, Detection, GroundingDINORequest, GroundingDINOResponse
from thinkimg_workers.backends import open_backend
from thinkimg_workers.grounding.choices import DETECTORS
from thinkimg_workers.grounding.detector import (
    DEFAULT_BOX_THRESHOLD,
    DEFAULT_TEXT_THRESHOLD,
    Detector,
    Explains,
    Found,
    Search,
)
from thinkimg_workers.one_pass import answer_in_one_pass
from thinkimg_workers.page_text import lines_of

_ADVICE = (
    'Ask for what can be seen, in a few plain words: a colour and a shape ("red bar", '
    '"dark blue line", "green slice"), "legend", "title", "x axis label", the name of a '
    'series, a category ("the bar for 2019"), or words that are written in the image'
)


class GroundingDINO(Tool[GroundingDINORequest, GroundingDINOResponse]):
    """Find the objects or chart elements that a text describes."""

    choices = DETECTORS
    backends = tuple(backend.name for backend in DETECTORS)
    cacheable = True

    def setup(self) -> None:
        self._detector: Detector = open_backend(DETECTORS, self.settings)
        self.backend = self._detector.name

    def batches(self) -> bool:
        return self._detector.batches

    def run_batch(
        self, requests: Sequence[GroundingDINORequest], calls: Sequence[Call]
    ) -> Sequence[GroundingDINOResponse | CallerError]:
        return answer_in_one_pass(
            requests,
            calls,
            ask=search_of,
            compute=self._detector.detect,
            respond=lambda request, call, search, found: self._response(search, found),
        )

    def _response(self, search: Search, found: Sequence[Found]) -> GroundingDINOResponse:
        if found:
            return GroundingDINOResponse(detections=map(_detection, found))
        detector = self._detector
        reason = detector.explain(search.query) if isinstance(detector, Explains) else ""
        return GroundingDINOResponse(message=_nothing_found(search, reason))


def search_of(request: GroundingDINORequest, call: Call) -> Search:
    """What a request asks of a detector. Raises: InvalidRequest, ImageNotCached."""
    if not any(map(str.isalnum, request.query)):
        raise InvalidRequest.field("query", "has no word in it; say what to find")
    return Search(
        pixels=call.image(request.image),
        query=request.query,
        box_threshold=(
            request.box_threshold if request.HasField("box_threshold") else DEFAULT_BOX_THRESHOLD
        ),
        text_threshold=(
            request.text_threshold if request.HasField("text_threshold") else DEFAULT_TEXT_THRESHOLD
        ),
        lines=lambda: lines_of(call, request.image),
        check_deadline=call.check_deadline,
    )


def _detection(found: Found) -> Detection:
    x0, y0, x1, y1 = found.box
    return Detection(box=Box(x0=x0, y0=y0, x1=x1, y1=y1), score=found.score, label=found.label)


def _nothing_found(search: Search, reason: str) -> str:
    """What may help one who asked for something that was not found."""
    parts = [f"Nothing was found with a score of {search.box_threshold:g} or more."]
    if reason:
        parts.append(f"{reason}.")
    if search.box_threshold > DEFAULT_BOX_THRESHOLD:
        parts.append("A lower box_threshold lets in what is less sure.")
    return " ".join([*parts, f"{_ADVICE}."])
