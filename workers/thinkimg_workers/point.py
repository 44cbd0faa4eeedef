"""Point: where in an image is what a text describes?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from thinkimg_rpc import v1
from thinkimg_rpc.errors import CallerError, InvalidRequest
from thinkimg_rpc.tool import Call, Tool
from thinkimg_rpc.v1 import PointedAt, PointRequest, PointResponse
from thinkimg_workers.backends import open_backend
from thinkimg_workers.one_pass import answer_in_one_pass
from thinkimg_workers.page_text import lines_of
from thinkimg_workers.pointing.choices import POINTERS
from thinkimg_workers.pointing.marks import draw_marks
from thinkimg_workers.pointing.pointer import Pointer, Pointing, Question

if TYPE_CHECKING:
    from thinkimg_workers.text_line import TextLine


class Point(Tool[PointRequest, PointResponse]):
    """Point at what a text describes, with a model that points or through GroundingDINO."""

    choices = POINTERS
    backends = tuple(backend.name for backend in POINTERS)
    cacheable = True

    def setup(self) -> None:
        self._pointer: Pointer = open_backend(POINTERS, self.settings)
        self.backend = self._pointer.name

    def batches(self) -> bool:
        return self._pointer.batches

    def run_batch(
        self, requests: Sequence[PointRequest], calls: Sequence[Call]
    ) -> Sequence[PointResponse | CallerError]:
        return answer_in_one_pass(
            requests, calls, ask=_question, compute=self._pointer.point, respond=_response
        )


def _question(request: PointRequest, call: Call) -> Question:
    """Raises: InvalidRequest, ImageNotCached."""
    description = " ".join(request.description.split())
    if not any(map(str.isalnum, description)):
        raise InvalidRequest.field("description", "has no word in it; say what to point at")

    def lines() -> list[TextLine]:
        return lines_of(call, request.image)

    return Question(call.image(request.image), description, lines, call.remaining_s)


def _response(
    request: PointRequest, call: Call, question: Question, pointing: Pointing
) -> PointResponse:
    if not pointing.points:
        return PointResponse(message=pointing.message)
    return PointResponse(
        points=[
            PointedAt(point=v1.Point(x=point.x, y=point.y), score=point.score)
            for point in pointing.points
        ],
        annotated=call.reply_image(draw_marks(question.pixels, pointing.points), request.format),
    )
