"""Requests and responses shown as JSON."""

from __future__ import annotations

import hashlib
from typing import Any

from google.protobuf import json_format

from thinkimg_rpc.arguments import arguments_of, request_json, response_json
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.v1 import (
    Box,
    CropRequest,
    CropResponse,
    Image,
    ImageFormat,
    OCRRequest,
    OCRResponse,
    ResultImage,
)

DIGEST = hashlib.sha256(b"pixels").hexdigest()
BOX = Box(x0=0, y0=1, x1=2.5, y1=3)


def test_arguments_name_images_and_leave_their_bytes_out() -> None:
    request = CropRequest(
        image=Image(data=b"pixels"), box=BOX, padding=0, format=ImageFormat.IMAGE_FORMAT_JPEG
    )
    assert arguments_of(request, {DIGEST: "img_1"}) == {
        "image": "img_1",
        "box": {"x0": 0, "y0": 1, "x1": 2.5, "y1": 3},
        "padding": 0,
        "format": "IMAGE_FORMAT_JPEG",
    }


def test_an_image_without_a_name_appears_under_its_digest() -> None:
    assert arguments_of(OCRRequest(image=Image(data=b"pixels"))) == {"image": DIGEST}
    assert arguments_of(OCRRequest(image=Image(digest="f" * 64))) == {"image": "f" * 64}


def test_an_enum_value_nobody_knows_appears_as_its_number() -> None:
    assert arguments_of(CropRequest(format=ImageFormat.ValueType(9))) == {"format": 9}


def test_a_request_as_json_is_what_other_grpc_clients_read() -> None:
    request = OCRRequest(image=Image(data=b"pixels"), region=BOX, min_score=0.25)
    shown = request_json(request)
    assert shown["image"] == {"data": "cGl4ZWxz"}
    assert shown["min_score"] == 0.25
    assert json_format.ParseDict(shown, OCRRequest()) == request


def test_a_response_is_shown_without_image_bytes() -> None:
    image = ResultImage(digest=DIGEST, data=b"pixels", width=3, height=2, media_type="image/png")
    response = CropResponse(image=image, box=BOX)
    assert response_json(response) == {
        "image": {"digest": DIGEST, "width": 3, "height": 2, "media_type": "image/png"},
        "box": {"x0": 0.0, "y0": 1.0, "x1": 2.5, "y1": 3.0},
    }
    assert response.image.data == b"pixels"


def test_an_empty_list_is_shown_for_a_script_to_find() -> None:
    assert response_json(OCRResponse()) == {"spans": []}


def test_image_bytes_are_left_out_of_lists_and_maps_too(shapes: ToolContract) -> None:
    response: Any = shapes.response_class(counts={"a": 1})
    response.images.add(data=b"pixels", width=3)
    response.by_name["left"].data = b"pixels"
    shown = response_json(response)
    assert "cGl4ZWxz" not in str(shown)
    assert shown["images"][0]["width"] == 3
    assert shown["counts"] == {"a": 1}
    assert set(shown["by_name"]) == {"left"}
