"""Rules written in a .proto are enforced on messages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_rpc import rules
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_rpc.v1 import (
    Box,
    CropRequest,
    DrawHorizontalLineByYRequest,
    Image,
    ImageFormat,
    OCRRequest,
)

DIGEST = "0123456789abcdef" * 4
IMAGE = Image(digest=DIGEST)
BOX = Box(x0=0, y0=0, x1=10, y1=10)


def _said(message: Any) -> dict[str, str]:
    return {violation.field: violation.description for violation in rules.violations(message)}


def test_a_valid_request_breaks_no_rule() -> None:
    request = CropRequest(
        image=IMAGE, box=BOX, padding=0, scale=8, format=ImageFormat.IMAGE_FORMAT_JPEG
    )
    assert rules.violations(request) == ()
    rules.check(request)


def test_an_empty_request_names_every_required_field() -> None:
    assert _said(CropRequest()) == {
        "image": "required, give data or digest",
        "box": "required (The region to keep, inside the image)",
    }


def test_check_raises_them_all_at_once() -> None:
    with pytest.raises(InvalidRequest, match=r"image: required.*; box: required") as caught:
        rules.check(CropRequest())
    assert [violation.field for violation in caught.value.violations] == ["image", "box"]


def test_an_image_without_bytes_or_digest_is_named() -> None:
    assert _said(OCRRequest(image=Image())) == {"image": "empty, give data or digest"}


def test_a_missing_coordinate_is_told_from_zero() -> None:
    request = CropRequest(image=IMAGE, box=Box(x0=0, y0=0, x1=5))
    assert _said(request) == {"box.y1": "required (Bottom edge, larger than y0)"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [(float("nan"), "NaN"), (float("inf"), "infinity"), (float("-inf"), "-infinity")],
)
def test_numbers_that_are_not_finite_are_named(value: float, shown: str) -> None:
    request = CropRequest(image=IMAGE, box=BOX, padding=value)
    request.box.x1 = value
    finite = f"must be a finite number, got {shown}"
    assert _said(request) == {"box.x1": finite, "padding": finite}


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("padding", -0.5, "must be from 0 to 10000, got -0.5"),
        ("padding", 10001, "must be from 0 to 10000, got 10001"),
        ("scale", 0, "must be from 0.1 to 8, got 0"),
        ("scale", 1e300, "must be from 0.1 to 8, got 1e+300"),
        ("format", 9, "must be one of IMAGE_FORMAT_PNG, IMAGE_FORMAT_JPEG, not 9"),
        ("format", -1, "must be one of IMAGE_FORMAT_PNG, IMAGE_FORMAT_JPEG, not -1"),
    ],
)
def test_a_value_outside_its_range_is_named(field: str, value: float, problem: str) -> None:
    request = CropRequest(image=IMAGE, box=BOX)
    setattr(request, field, value)
    assert _said(request) == {field: problem}


@pytest.mark.parametrize(("field", "value"), [("padding", 0), ("scale", 0.1), ("scale", 8)])
def test_both_ends_of_a_range_are_allowed(field: str, value: float) -> None:
    request = CropRequest(image=IMAGE, box=BOX)
    setattr(request, field, value)
    assert _said(request) == {}


def test_a_text_that_is_too_long_is_named() -> None:
    request = DrawHorizontalLineByYRequest(image=IMAGE, y=1, color="é" * 32)
    assert _said(request) == {}
    request.color += "e"
    assert _said(request) == {"color": "must be at most 32 characters long, got 33"}


@pytest.mark.parametrize("digest", ["", DIGEST[:-1], DIGEST + "0", DIGEST.upper(), DIGEST + "\n"])
def test_a_digest_that_is_no_sha256_is_named(digest: str) -> None:
    said = _said(OCRRequest(image=Image(digest=digest)))
    assert list(said) == ["image.digest"]
    assert "must be 64 lower-case hexadecimal digits" in said["image.digest"]


def test_a_message_that_is_left_out_is_not_looked_into() -> None:
    assert _said(OCRRequest(image=IMAGE)) == {}
    assert "region.x0" in _said(OCRRequest(image=IMAGE, region=Box()))


def _shapes_request(shapes: ToolContract, **fields: Any) -> Any:
    request: Any = shapes.request_class(mode="fast", **fields)
    request.image.digest = DIGEST
    if not request.points:
        request.points.add(x=1, y=1)
    return request


def test_repeated_fields_are_named_with_their_index(shapes: ToolContract) -> None:
    request = _shapes_request(shapes, weights=[0, 2], labels=["a", "abcdef"], styles=[0, 1, 7])
    request.points.add(x=float("nan"))
    request.references.add()
    assert _said(request) == {
        "points[1].x": "must be a finite number, got NaN",
        "points[1].y": "required (Distance from the top edge)",
        "weights[1]": "must be from 0 to 1, got 2",
        "labels[1]": "must be at most 5 characters long, got 6",
        "styles[2]": "must be one of LINE_STYLE_SOLID, LINE_STYLE_DASHED, not 7",
        "references[0]": "empty, give data or digest",
    }


def test_too_many_items_are_named_once(shapes: ToolContract) -> None:
    request = _shapes_request(shapes, weights=[2.0] * 31)
    assert _said(request) == {"weights": "must have at most 30 items, got 31"}


def test_an_empty_required_list_and_text_are_missing(shapes: ToolContract) -> None:
    request: Any = shapes.request_class()
    request.image.digest = DIGEST
    assert _said(request) == {"points": "required (Where to look)", "mode": "required"}


def test_a_text_outside_its_choices_is_named(shapes: ToolContract) -> None:
    request = _shapes_request(shapes)
    request.mode = "Exactly"
    problem = 'must be one of fast, exact, not "Exactly" (did you mean exact?)'
    assert _said(request) == {"mode": problem}


def test_bytes_are_counted_as_bytes(shapes: ToolContract) -> None:
    assert _said(_shapes_request(shapes, mask=b"12345")) == {
        "mask": "must be at most 4 bytes long, got 5"
    }


def test_fields_without_rules_are_checked_for_finiteness_all_the_same(
    shapes: ToolContract,
) -> None:
    request = _shapes_request(shapes, ratio=float("inf"), large=2**62, huge=2**63)
    assert _said(request) == {"ratio": "must be a finite number, got infinity"}


def test_a_long_list_of_mistakes_is_cut(shapes: ToolContract) -> None:
    request = _shapes_request(shapes, labels=["abcdef"] * 1000)
    found = rules.violations(request)
    assert [violation.field for violation in found] == [f"labels[{i}]" for i in range(16)]


@given(
    st.builds(
        Box,
        **dict.fromkeys(["x0", "y0", "x1", "y1"], st.none() | st.floats()),
    )
)
def test_whatever_a_box_holds_each_named_field_is_wrong_and_each_wrong_one_named(box: Box) -> None:
    expected = {
        f"region.{field.name}"
        for field in Box.DESCRIPTOR.fields
        if not box.HasField(field.name) or not abs(getattr(box, field.name)) < float("inf")  # type: ignore[arg-type]
    }
    assert set(_said(OCRRequest(image=IMAGE, region=box))) == expected
