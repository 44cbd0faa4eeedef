"""SAM: the masks of what is in boxes or under points."""

from __future__ import annotations

from collections.abc import Sequence

from thinkimg_rpc.errors import CallerError, InvalidRequest
from thinkimg_rpc.tool import Call, PixelBox, Tool
from thinkimg_rpc.v1 import SAMRequest, SAMResponse
from thinkimg_workers.backends import open_backend
from thinkimg_workers.one_pass import answer_in_one_pass
from thinkimg_workers.segmentation.answer import segment_of
from thinkimg_workers.segmentation.choices import SEGMENTERS
from thinkimg_workers.segmentation.overlay import laid_over
from thinkimg_workers.segmentation.region import Region
from thinkimg_workers.segmentation.segmenter import Prompt, Scene, Segmenter, Spot


class SAM(Tool[SAMRequest, SAMResponse]):
    """Segment what is inside each box, or what is under the points."""

    choices = SEGMENTERS
    backends = tuple(backend.name for backend in SEGMENTERS)
    cacheable = True
    _segmenter: Segmenter

    def setup(self) -> None:
        self._segmenter = open_backend(SEGMENTERS, self.settings)
        self.backend = self._segmenter.name

    def batches(self) -> bool:
        return self._segmenter.batches

    def run_batch(
        self, requests: Sequence[SAMRequest], calls: Sequence[Call]
    ) -> Sequence[SAMResponse | CallerError]:
        return answer_in_one_pass(
            requests,
            calls,
            ask=scene_of,
            compute=self._segmenter.segment,
            respond=response_of,
        )


def scene_of(request: SAMRequest, call: Call) -> Scene:
    """What the request asks. Raises: InvalidRequest, OutOfRange."""
    pixels = call.image(request.image)
    boxes = [call.box(box, within=pixels) for box in request.boxes]
    points = tuple(call.point(point, within=pixels) for point in request.points)
    background = tuple(call.point(point, within=pixels) for point in request.background_points)
    if not boxes and not points:
        raise InvalidRequest.field(
            "boxes", "there is neither a box nor a point; give at least one of them"
        )
    prompts = [
        Prompt(box, points=_within(box, points), background=_within(box, background))
        for box in boxes
    ]
    return Scene(
        pixels,
        call.image_digest(request.image),
        tuple(prompts) or (Prompt(points=points, background=background),),
        call.check_deadline,
    )


def response_of(
    request: SAMRequest, call: Call, scene: Scene, regions: Sequence[Region]
) -> SAMResponse:
    overlay = laid_over(scene.pixels, regions)
    return SAMResponse(
        segments=[segment_of(region, scene) for region in regions],
        overlay=call.reply_image(overlay, request.format),
    )


def _within(box: PixelBox, spots: Sequence[Spot]) -> tuple[Spot, ...]:
    return tuple((x, y) for x, y in spots if box.x0 <= x < box.x1 and box.y0 <= y < box.y1)
