"""Pointing by a vision-language model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from thinkimg_rpc.settings import ModelSettings
from thinkimg_workers.model_view import view_for_model
from thinkimg_workers.pointing.answers import PER_MILLE, points_in_image, spots_of_json
from thinkimg_workers.pointing.pointer import Pointing, Question
from thinkimg_workers.vision_endpoint import VisionEndpoint, quoted

MAX_PIXELS, MAX_ASPECT = 4 << 20, 50.0
PROMPT = (
    "Point to this in the image: {description}\n"
    'Answer with JSON only, best match first: [{"point_2d": [x, y], "label": "what it is"}]. '
    "x counts from the left edge and y from the top edge, both from 0 to 1000 whatever the "
    "size of the image, so that [500, 500] is its middle. Answer [] if it is not in the image."
)


class EndpointPointer:
    """Any model that answers in the format it is asked for. Raises: CannotStart."""

    batches = False

    def __init__(self, settings: ModelSettings, _place: Path | None) -> None:
        self._endpoint = VisionEndpoint(settings)
        self.name = self._endpoint.name

    def point(self, questions: Sequence[Question]) -> Sequence[Pointing]:
        return [self._point(question) for question in questions]

    def _point(self, question: Question) -> Pointing:
        view = view_for_model(question.pixels, max_pixels=MAX_PIXELS, max_aspect=MAX_ASPECT)
        said = self._endpoint.ask(
            PROMPT.replace("{description}", question.description),
            [view.pixels],
            timeout_s=question.remaining_s(),
        )
        height, width = question.pixels.shape[:2]
        points = points_in_image(
            spots_of_json(said, PER_MILLE, PER_MILLE),
            shown=view.shown,
            image=(width, height),
            score=1.0,  # the model says no more than that it points there
        )
        return Pointing(points, "" if points else pointed_at_nothing(said))


def pointed_at_nothing(said: str) -> str:
    """What a model's caller is told when its answer has no point in the image."""
    return f"the model pointed at nothing in the image; it answered {quoted(said)}"
