from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import CallerError, DeadlineExceeded, InvalidRequest, OutOfRange
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_rpc.imaging.mask import pixels_of
from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.settings import ModelSettings
from thinkimg_rpc.tool import Call
from thinkimg_rpc.v1 import Box, ImageFormat, Point, SAMRequest, SAMResponse
from thinkimg_workers.sam import SAM
from thinkimg_workers.segment_region_around_point import SegmentRegionAroundPoint
from thinkimg_workers.segmentation.classical import ClassicalSegmenter
from thinkimg_workers.segmentation.segmenter import Scene

from .answering import NoDeadline, answer, received, sent

GRABCUT = ModelSettings(backend="grabcut")
BARS = (Box(x0=40, y0=60, x1=90, y1=180), Box(x0=130, y0=20, x1=180, y1=180))


def chart(width: int = 240, height: int = 200) -> Pixels:
    """Two blue bars on white."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    for bar in BARS:
        pixels[int(bar.y0) : int(bar.y1), int(bar.x0) : int(bar.x1)] = (40, 60, 190)
    return pixels


def tool() -> SAM:
    made = SAM()
    made.settings = GRABCUT
    made.setup()
    return made


def sam(pixels: Pixels, **fields: Any) -> SAMResponse:
    response = answer(tool(), SAMRequest(image=sent(pixels), **fields))
    assert isinstance(response, SAMResponse)
    return response


def test_each_box_gives_a_mask_in_their_order() -> None:
    response = sam(chart(), boxes=[BARS[1], BARS[0]])
    for segment, bar in zip(response.segments, (BARS[1], BARS[0]), strict=True):
        assert segment.box == bar
        assert segment.area == (bar.x1 - bar.x0) * (bar.y1 - bar.y0)
        assert segment.score == 1
        mask = pixels_of(segment.mask)
        assert mask.shape == (200, 240)
        assert mask[int(bar.y0) : int(bar.y1), int(bar.x0) : int(bar.x1)].all()
        assert mask.sum() == segment.area


def test_points_without_boxes_give_one_mask() -> None:
    (segment,) = sam(chart(), points=[Point(x=60, y=100), Point(x=70, y=150)]).segments
    assert segment.box == BARS[0]


def test_a_point_counts_for_the_box_around_it() -> None:
    """The first box has both bars in it; the point says which is meant."""
    both = Box(x0=30, y0=10, x1=190, y1=190)
    (segment,) = sam(
        chart(),
        boxes=[both],
        points=[Point(x=60, y=100)],
        background_points=[Point(x=150, y=100), Point(x=210, y=190)],
    ).segments
    mask = pixels_of(segment.mask)
    assert mask[100, 60]
    assert not mask[100, 150]


def test_the_overlay_is_the_image_with_each_mask_in_a_colour_of_its_own() -> None:
    pixels = chart()
    overlay = received(sam(pixels, boxes=list(BARS)).overlay)
    assert overlay.shape == pixels.shape
    outside = (pixels == 255).all(axis=2)
    assert np.array_equal(overlay[outside], pixels[outside])
    first, second = overlay[120, 65], overlay[100, 155]
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, pixels[120, 65])
    assert not np.array_equal(overlay[60, 65], first)  # the outline


def test_the_overlay_comes_as_jpeg_if_asked_for() -> None:
    response = sam(chart(), boxes=[BARS[0]], format=ImageFormat.IMAGE_FORMAT_JPEG)
    assert response.overlay.media_type == "image/jpeg"


def test_neither_a_box_nor_a_point_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="give at least one of them") as caught:
        sam(chart(), background_points=[Point(x=1, y=1)])
    assert [violation.field for violation in caught.value.violations] == ["boxes"]


@pytest.mark.parametrize(
    ("fields", "error", "field"),
    [
        ({"boxes": [BARS[0], Box(x0=0, y0=0, x1=241, y1=10)]}, OutOfRange, "boxes[1].x1"),
        ({"boxes": [Box(x0=9, y0=0, x1=9, y1=10)]}, InvalidRequest, "boxes[0].x1"),
        ({"points": [Point(x=240, y=0)]}, OutOfRange, "points[0].x"),
        ({"points": [Point(x=0)]}, InvalidRequest, "points[0].y"),
        (
            {"boxes": [BARS[0]], "background_points": [Point(x=0, y=-1)]},
            OutOfRange,
            "background_points[0].y",
        ),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], error: type[Exception], field: str) -> None:
    with pytest.raises((InvalidRequest, OutOfRange)) as caught:
        sam(chart(), **fields)
    assert isinstance(caught.value, error)
    assert [violation.field for violation in caught.value.violations] == [field]


def test_an_image_of_one_pixel_is_one_region() -> None:
    pixel = np.zeros((1, 1, 3), np.uint8)
    for fields in ({"boxes": [Box(x0=0, y0=0, x1=1, y1=1)]}, {"points": [Point(x=0, y=0)]}):
        (segment,) = sam(pixel, **fields).segments
        assert segment.area == 1


def test_a_call_that_nobody_waits_for_stops() -> None:
    class TooLate(NoDeadline):
        def remaining_s(self) -> float | None:
            raise DeadlineExceeded("too late")

    made = tool()
    request = SAMRequest(image=sent(chart()), boxes=[BARS[0]])
    with pytest.raises(DeadlineExceeded):
        answer(made, request, TooLate())


def test_one_segmenter_serves_both_tools_of_a_worker() -> None:
    other = SegmentRegionAroundPoint()
    other.settings = GRABCUT
    other.setup()
    assert tool()._segmenter is other._segmenter


def test_a_bad_request_in_a_batch_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made = tool()
    together: list[int] = []
    segment = made._segmenter.segment

    def counted(scenes: Sequence[Scene]) -> Any:
        together.append(len(scenes))
        return segment(scenes)

    monkeypatch.setattr(made._segmenter, "segment", counted)
    requests = [
        SAMRequest(image=sent(chart()), boxes=[BARS[0]]),
        SAMRequest(image=sent(chart())),
        SAMRequest(image=sent(chart()), boxes=[BARS[1]]),
    ]
    first, bad, last = made.run_batch(requests, [_call(request) for request in requests])
    assert isinstance(first, SAMResponse)
    assert isinstance(last, SAMResponse)
    assert isinstance(bad, CallerError)
    assert (first.segments[0].box, last.segments[0].box) == BARS
    assert together == [2]


async def test_eight_callers_at_once_cost_one_segmentation(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[int] = []
    segment = ClassicalSegmenter.segment

    def counted(self: ClassicalSegmenter, scenes: Sequence[Scene]) -> Any:
        computed.append(len(scenes))
        return segment(self, scenes)

    monkeypatch.setattr(ClassicalSegmenter, "segment", counted)
    async with Mesh.local([SAM], models=GRABCUT) as mesh:
        image = mesh.image(encode_png(chart()))
        request = SAMRequest(image=image, boxes=[BARS[0]])
        responses = await asyncio.gather(*(mesh.send(request) for _ in range(8)))
    assert computed == [1]
    assert {response.segments[0].area for response in responses} == {6000}
    assert responses[0].answered_by.backend.startswith("grabcut")


def _call(request: SAMRequest) -> Call:
    from thinkimg_rpc.server.images import WorkerImages
    from thinkimg_rpc.settings import LimitSettings

    images = WorkerImages(
        LimitSettings(), lambda digest, timeout_s: None, lambda digest, data: None
    )
    return Call(request, images, NoDeadline())
