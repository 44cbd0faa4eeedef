"""Arguments become a request."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from thinkimg_rpc.arguments import build_request
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_rpc.v1 import (
    Box,
    CropRequest,
    DrawHorizontalLineByYRequest,
    Image,
    ImageFormat,
    LineStyle,
)

ONE = {"img_1": Image(digest="a" * 64)}
TWO = {**ONE, "img_2": Image(data=b"pixels")}
BOX = {"x0": 1, "y0": 2.5, "x1": 30, "y1": 40}
LEAST: dict[str, Any] = {"mode": "fast", "points": [{"x": 1, "y": 2}]}


def test_json_text_becomes_a_request(crop: ToolContract) -> None:
    text = """{"image": "img_1", "box": {"x0": 1, "y0": 2.5, "x1": 30, "y1": 40},
               "scale": 2, "format": "IMAGE_FORMAT_JPEG"}"""
    assert build_request(crop, text, ONE) == CropRequest(
        image=ONE["img_1"],
        box=Box(x0=1, y0=2.5, x1=30, y1=40),
        scale=2,
        format=ImageFormat.IMAGE_FORMAT_JPEG,
    )


def test_so_do_python_values(draw: ToolContract) -> None:
    arguments = MappingProxyType({"y": 7, "style": "LINE_STYLE_DASHED", "thickness": 5.0})
    assert build_request(draw, arguments, ONE) == DrawHorizontalLineByYRequest(
        image=ONE["img_1"], y=7, style=LineStyle.LINE_STYLE_DASHED, thickness=5
    )


def test_the_request_is_of_the_generated_class(crop: ToolContract) -> None:
    assert type(build_request(crop, {"box": BOX}, ONE)) is CropRequest


def test_zero_is_given_and_absent_is_not(crop: ToolContract) -> None:
    given = build_request(crop, {"box": BOX, "padding": 0}, ONE)
    assert given.HasField("padding")
    assert not given.HasField("scale")


def test_every_kind_of_field_can_be_given(shapes: ToolContract) -> None:
    request: Any = build_request(
        shapes,
        {
            **LEAST,
            "weights": [0, 0.5],
            "labels": ["a", "é"],
            "styles": ["LINE_STYLE_SOLID"],
            "small": -5,
            "large": 2**62 + 1,
            "huge": 2**64 - 1,
            "ratio": 0.5,
            "flag": False,
            "mask": "AAE=",
            "point": {"x": 3, "y": 4},
        },
        ONE,
    )
    assert (request.points[0].x, request.points[0].y) == (1, 2)
    assert (list(request.weights), list(request.labels)) == ([0, 0.5], ["a", "é"])
    assert list(request.styles) == [LineStyle.LINE_STYLE_SOLID]
    assert (request.small, request.large, request.huge) == (-5, 2**62 + 1, 2**64 - 1)
    assert (request.ratio, request.mask) == (0.5, b"\0\1")
    assert request.HasField("flag")
    assert request.WhichOneof("where") == "point"


def test_a_named_image_is_put_in_whole(crop: ToolContract) -> None:
    request: Any = build_request(crop, {"image": "img_2", "box": BOX}, TWO)
    assert request.image == TWO["img_2"]


def test_the_only_image_need_not_be_named(crop: ToolContract) -> None:
    request: Any = build_request(crop, {"box": BOX}, ONE)
    assert request.image == ONE["img_1"]


def test_an_optional_image_is_put_in_only_when_named(echo: ToolContract) -> None:
    request: Any = build_request(echo, {"text": "hello"}, ONE)
    assert not request.HasField("image")
    request = build_request(echo, {"image": "img_1"}, ONE)
    assert request.HasField("image")


def test_images_are_put_in_wherever_they_stand(shapes: ToolContract) -> None:
    arguments = {
        **LEAST,
        "image": "img_1",
        "references": ["img_2", "img_1"],
        "panel": {"title": "left", "image": "img_2"},
    }
    request: Any = build_request(shapes, arguments, TWO)
    assert request.image.digest == "a" * 64
    assert [image.data for image in request.references] == [b"pixels", b""]
    assert request.panel.image.data == b"pixels"


def test_the_only_image_stands_in_nested_messages_too(shapes: ToolContract) -> None:
    request: Any = build_request(shapes, {**LEAST, "panel": {"title": "left"}}, ONE)
    assert request.panel.image.digest == "a" * 64
    assert not request.references


@pytest.mark.parametrize(
    ("arguments", "images", "problem"),
    [
        ({"box": BOX}, TWO, "required, as there are several images: name one of img_1, img_2"),
        ({"box": BOX}, {}, "required, but there is no image: give one with the call"),
        ({"box": BOX, "image": "img_3"}, TWO, 'no image named "img_3" (there are img_1, img_2)'),
        ({"box": BOX, "image": "a"}, {}, 'no image named "a", there is none: give one with'),
        ({"box": BOX, "image": 1}, ONE, "expected the name of an image, got the number 1"),
        ({"box": BOX, "image": {"data": ""}}, ONE, "expected the name of an image, got an object"),
        ({"box": BOX, "image": None}, ONE, "expected the name of an image, got null (leave it out"),
    ],
)
def test_an_image_that_cannot_be_told_is_named(
    crop: ToolContract, arguments: dict[str, Any], images: dict[str, Image], problem: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        build_request(crop, arguments, images)
    (violation,) = caught.value.violations
    assert violation.field == "image"
    assert violation.description.startswith(problem)


def test_images_in_lists_and_nested_messages_are_named_by_path(shapes: ToolContract) -> None:
    arguments = {**LEAST, "image": "img_1", "references": ["img_1", "x"], "panel": {"title": "t"}}
    with pytest.raises(InvalidRequest) as caught:
        build_request(shapes, arguments, TWO)
    assert [violation.field for violation in caught.value.violations] == [
        "references[1]",
        "panel.image",
    ]


def test_of_many_images_only_some_are_listed(crop: ToolContract) -> None:
    images = {f"img_{index}": ONE["img_1"] for index in range(1, 101)}
    with pytest.raises(InvalidRequest, match="img_12 and 88 more"):
        build_request(crop, {"box": BOX}, images)
