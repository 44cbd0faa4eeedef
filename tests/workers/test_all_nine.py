"""What holds for every tool that ships: odd images and odd words get an answer or a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from thinkimg_rpc.errors import InvalidRequest, OutOfRange
from thinkimg_rpc.imaging.codec import Pixels
from thinkimg_rpc.settings import ModelSettings
from thinkimg_rpc.tool import Tool
from thinkimg_rpc.v1 import (
    Box,
    CropRequest,
    DrawHorizontalLineByYRequest,
    DrawVerticalLineByXRequest,
    GroundingDINORequest,
    Image,
    OCRRequest,
    Point,
    PointRequest,
    SAMRequest,
    SegmentRegionAroundPointRequest,
    ZoominSubplotRequest,
)
from thinkimg_workers import point as pointing
from thinkimg_workers.crop import Crop
from thinkimg_workers.draw_horizontal_line_by_y import DrawHorizontalLineByY
from thinkimg_workers.draw_vertical_line_by_x import DrawVerticalLineByX
from thinkimg_workers.grounding_dino import GroundingDINO
from thinkimg_workers.ocr import OCR
from thinkimg_workers.sam import SAM
from thinkimg_workers.segment_region_around_point import SegmentRegionAroundPoint
from thinkimg_workers.zoomin_subplot import ZoominSubplot

from .answering import answer, received, sent

Ask = Callable[[Image, str, float, float], Any]
"""A request about an image: with words, and with a place in it."""

ASK: dict[type[Tool[Any, Any]], Ask] = {
    Crop: lambda image, words, x, y: CropRequest(
        image=image, box=Box(x0=x, y0=y, x1=x + 1, y1=y + 1)
    ),
    DrawHorizontalLineByY: lambda image, words, x, y: DrawHorizontalLineByYRequest(
        image=image, y=y
    ),
    DrawVerticalLineByX: lambda image, words, x, y: DrawVerticalLineByXRequest(image=image, x=x),
    OCR: lambda image, words, x, y: OCRRequest(
        image=image, region=Box(x0=x, y0=y, x1=x + 1, y1=y + 1)
    ),
    GroundingDINO: lambda image, words, x, y: GroundingDINORequest(image=image, query=words),
    pointing.Point: lambda image, words, x, y: PointRequest(image=image, description=words),
    ZoominSubplot: lambda image, words, x, y: ZoominSubplotRequest(image=image, description=words),
    SAM: lambda image, words, x, y: SAMRequest(image=image, points=[Point(x=x, y=y)]),
    SegmentRegionAroundPoint: lambda image, words, x, y: SegmentRegionAroundPointRequest(
        image=image, points=[Point(x=x, y=y)]
    ),
}
TAKES_WORDS = {GroundingDINO: "query", pointing.Point: "description", ZoominSubplot: "description"}
TAKES_A_PLACE = [tool for tool in ASK if tool not in TAKES_WORDS]
CLASSICAL = {pointing.Point: "grounding", OCR: "rapidocr", SAM: "grabcut"}

WORDS = "the red bar"


@pytest.fixture(scope="session")
def tool(request: pytest.FixtureRequest) -> Tool[Any, Any]:
    """One of the tools, set up as on a machine without weights."""
    made: Tool[Any, Any] = request.param()
    fallback = "grabcut" if request.param is SegmentRegionAroundPoint else "classical"
    backend = CLASSICAL.get(request.param, fallback) if made.backends else "auto"
    made.settings = ModelSettings(backend=backend)
    made.setup()
    return made


def every(tools: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "tool", list(tools), ids=lambda one: one.__name__, indirect=True, scope="session"
    )


def blank(width: int, height: int) -> Pixels:
    return np.full((height, width, 3), 255, np.uint8)


def chart(width: int, height: int) -> Pixels:
    pixels = blank(width, height)
    pixels[height // 3 :, width // 4 : width // 2] = (200, 30, 30)
    return pixels


def two_panels() -> Pixels:
    panel = chart(320, 240)
    panel[20:220, [30, 290]] = panel[[20, 220], 30:290] = 0
    return np.concatenate([panel, panel], axis=1)


def images_in(response: Any) -> list[Any]:
    found = [getattr(response, name, None) for name in ("image", "overlay", "annotated")]
    return [image for image in found if image is not None and image.digest]


@every(ASK)
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (320, 240)])
def test_a_blank_image_of_any_shape_gets_an_answer(
    tool: Tool[Any, Any], size: tuple[int, int]
) -> None:
    response = answer(tool, ASK[type(tool)](sent(blank(*size)), WORDS, 0.0, 0.0))
    for image in images_in(response):
        received(image)


@every(TAKES_WORDS)
def test_what_is_not_there_is_an_empty_answer_with_a_hint(tool: Tool[Any, Any]) -> None:
    response = answer(tool, ASK[type(tool)](sent(two_panels()), "a purple giraffe", 0, 0))
    found = (getattr(response, name, []) for name in ("detections", "points", "subplots"))
    assert not any(map(len, found))
    assert response.message


@every(TAKES_WORDS)
@pytest.mark.parametrize("words", ["红色的柱子", "右上角", "🟥 bar", "'; DROP TABLE", "a"])
def test_words_of_any_kind_get_an_answer(tool: Tool[Any, Any], words: str) -> None:
    answer(tool, ASK[type(tool)](sent(chart(320, 240)), words, 0, 0))


@every(TAKES_WORDS)
@pytest.mark.parametrize(
    ("words", "says"),
    [("", "required"), (" \n\t", "no word|blank"), ("bar " * 2500, "1,?000")],
    ids=["none", "blank", "10,000 characters"],
)
def test_no_words_and_far_too_many_are_refused_by_their_field(
    tool: Tool[Any, Any], words: str, says: str
) -> None:
    field = TAKES_WORDS[type(tool)]
    with pytest.raises(InvalidRequest, match=f"^{field}: .*{says}"):
        answer(tool, ASK[type(tool)](sent(chart(320, 240)), words, 0, 0))


@every(TAKES_A_PLACE)
@pytest.mark.parametrize("place", [(-1.0, -1.0), (320.0, 240.0), (1e9, 1e9)])
def test_a_place_outside_is_refused(tool: Tool[Any, Any], place: tuple[float, float]) -> None:
    with pytest.raises((InvalidRequest, OutOfRange), match=r"outside the image|at least|minimum"):
        answer(tool, ASK[type(tool)](sent(chart(320, 240)), WORDS, *place))


@every(ASK)
def test_bytes_that_are_no_image_are_refused(tool: Tool[Any, Any]) -> None:
    with pytest.raises(InvalidRequest, match=r"^image: "):
        answer(tool, ASK[type(tool)](Image(data=b"%PDF-1.4"), WORDS, 0, 0))


@every(ASK)
def test_a_very_large_image_gets_an_answer(tool: Tool[Any, Any]) -> None:
    response = answer(tool, ASK[type(tool)](LARGE, WORDS, 3000.0, 4000.0))
    for image in images_in(response):
        assert image.width in (8000, 1)


LARGE = sent(chart(8000, 6000))
