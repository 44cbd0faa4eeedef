"""SegmentRegionAroundPoint: the mask of the region that a point lies in."""

from __future__ import annotations

from collections.abc import Sequence

from thinkimg_rpc.errors import CallerError
from thinkimg_rpc.tool import Call, Tool
from thinkimg_rpc.v1 import SegmentRegionAroundPointRequest, SegmentRegionAroundPointResponse
from thinkimg_workers.backends import open_backend
from thinkimg_workers.segmentation.answer import answer_together, segment_of
from thinkimg_workers.segmentation.choices import SEGMENTERS
from thinkimg_workers.segmentation.overlay import laid_over
from thinkimg_workers.segmentation.region import Region
from thinkimg_workers.segmentation.segmenter import Prompt, Scene, Segmenter


class SegmentRegionAroundPoint(
    Tool[SegmentRegionAroundPointRequest, SegmentRegionAroundPointResponse]
):
    """Segment the region that a point, or several of one region, lie in."""

    choices = SEGMENTERS
    backends = tuple(backend.name for backend in SEGMENTERS)
    cacheable = True
    _segmenter: Segmenter

    def setup(self) -> None:
        self._segmenter = open_backend(SEGMENTERS, self.settings)
        self.backend = self._segmenter.name

    def batches(self) -> bool:
        return self._segmenter.batches

    def run(
        self, request: SegmentRegionAroundPointRequest, call: Call
    ) -> SegmentRegionAroundPointResponse:
        scene = scene_of(request, call)
        (regions,) = self._segmenter.segment([scene])
        return response_of(request, call, scene, regions)

    def run_batch(
        self, requests: Sequence[SegmentRegionAroundPointRequest], calls: Sequence[Call]
    ) -> Sequence[SegmentRegionAroundPointResponse | CallerError]:
        return answer_together(requests, calls, self._segmenter, scene_of, response_of)


def scene_of(request: SegmentRegionAroundPointRequest, call: Call) -> Scene:
    """What the request asks. Raises: InvalidRequest, OutOfRange."""
    pixels = call.image(request.image)
    points = tuple(call.point(point, within=pixels) for point in request.points)
    digest = call.image_digest(request.image)
    return Scene(pixels, digest, (Prompt(points=points),), call.check_deadline)


def response_of(
    request: SegmentRegionAroundPointRequest, call: Call, scene: Scene, regions: Sequence[Region]
) -> SegmentRegionAroundPointResponse:
    (region,) = regions
    return SegmentRegionAroundPointResponse(
        segment=segment_of(region, scene),
        overlay=call.reply_image(laid_over(scene.pixels, regions), request.format),
    )
