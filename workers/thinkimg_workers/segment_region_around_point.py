"""SegmentRegionAroundPoint: the mask of the region that a point lies in."""

from __future__ import annotations

from collections.abc import Sequence

from thinkimg_rpc.errors import CallerError
from thinkimg_rpc.tool import Call, Tool
from thinkimg_rpc.v1 import SegmentRegionAroundPointRequest, SegmentRegionAroundPointResponse
from thinkimg_workers.backends import open_backend
from thinkimg_workers.one_pass import answer_in_one_pass
from thinkimg_workers.segmentation.answer import segment_of
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

    def run_batch(
        self, requests: Sequence[SegmentRegionAroundPointRequest], calls: Sequence[Call]
    ) -> Sequence[SegmentRegionAroundPointResponse | CallerError]:
        return answer_in_one_pass(
            requests,
            calls,
            ask=scene_of,
            compute=self._segmenter.segment,
            respond=response_of,
        )


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
