from __future__ import annotations

import numpy as np
import pytest

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import InvalidRequest, OutOfRange
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_rpc.imaging.mask import pixels_of
from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.settings import ModelSettings
from thinkimg_rpc.v1 import (
    Box,
    Point,
    SegmentRegionAroundPointRequest,
    SegmentRegionAroundPointResponse,
)
from thinkimg_workers.segment_region_around_point import SegmentRegionAroundPoint

from .answering import answer, received, sent

GRABCUT = ModelSettings(backend="grabcut")


def wedges() -> Pixels:
    """Four quarters of one circle, each of another colour."""
    rows, columns = np.mgrid[:200, :200] - 99.5
    pixels = np.full((200, 200, 3), 255, np.uint8)
    inside = np.hypot(rows, columns) <= 80
    for number, color in enumerate(((200, 40, 40), (40, 60, 190), (40, 150, 60), (230, 160, 0))):
        pixels[inside & ((rows > 0) == (number // 2)) & ((columns > 0) == (number % 2))] = color
    return pixels


def region_at(pixels: Pixels, *points: tuple[float, float]) -> SegmentRegionAroundPointResponse:
    tool = SegmentRegionAroundPoint()
    tool.settings = GRABCUT
    tool.setup()
    request = SegmentRegionAroundPointRequest(
        image=sent(pixels), points=[Point(x=x, y=y) for x, y in points]
    )
    response = answer(tool, request)
    assert isinstance(response, SegmentRegionAroundPointResponse)
    return response


def test_a_point_on_a_wedge_gives_the_wedge() -> None:
    pixels = wedges()
    response = region_at(pixels, (140, 140))
    wedge = (pixels == (230, 160, 0)).all(axis=2)
    assert np.array_equal(pixels_of(response.segment.mask), wedge)
    assert response.segment.area == wedge.sum()
    assert response.segment.box == Box(x0=100, y0=100, x1=180, y1=180)
    assert response.segment.score == 1


def test_two_points_of_a_region_give_it_as_one_does() -> None:
    once, twice = region_at(wedges(), (140, 140)), region_at(wedges(), (140, 140), (110, 150))
    assert once.segment == twice.segment


def test_the_overlay_shows_the_region_and_leaves_the_rest() -> None:
    pixels = wedges()
    response = region_at(pixels, (140, 140))
    overlay = received(response.overlay)
    mask = pixels_of(response.segment.mask)
    assert (overlay[mask] != pixels[mask]).any(axis=1).all()
    assert np.array_equal(overlay[~mask], pixels[~mask])


def test_the_far_corner_is_still_on_the_image() -> None:
    assert region_at(wedges(), (199.999, 199.999)).segment.area > 0


@pytest.mark.parametrize(
    ("point", "field"), [((200, 5), "points[1].x"), ((5, -0.5), "points[1].y")]
)
def test_a_point_outside_is_named(point: tuple[float, float], field: str) -> None:
    with pytest.raises(OutOfRange) as caught:
        region_at(wedges(), (5, 5), point)
    assert [violation.field for violation in caught.value.violations] == [field]


def test_no_point_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        region_at(wedges())
    assert [violation.field for violation in caught.value.violations] == ["points"]


async def test_it_answers_over_the_wire_and_says_what_computed() -> None:
    async with Mesh.local([SegmentRegionAroundPoint], models=GRABCUT) as mesh:
        image = mesh.image(encode_png(wedges()))
        request = SegmentRegionAroundPointRequest(image=image, points=[Point(x=140, y=140)])
        first, second = await mesh.send(request), await mesh.send(request)
    assert first.answered_by.backend.startswith("grabcut")
    assert not first.answered_by.cached
    assert second.answered_by.cached
    assert first.segment == second.segment
