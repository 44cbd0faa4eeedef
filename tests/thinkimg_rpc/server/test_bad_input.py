"""Bad input gets an error that names the field; the worker lives on and answers the next call."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import pytest
from google.protobuf.message import Message

from thinkimg_rpc.errors import ImageNotCached, InvalidRequest, OutOfRange, ThinkImgError
from thinkimg_rpc.testing.v1 import EchoRequest
from thinkimg_rpc.v1 import (
    Box,
    CropRequest,
    DrawHorizontalLineByYRequest,
    DrawVerticalLineByXRequest,
    Image,
    OCRRequest,
)

from ...mesh_fixtures import error_of, png
from .conftest import Send

pytestmark = pytest.mark.asyncio(loop_scope="session")
NAN, INFINITY = float("nan"), float("inf")
WIDTH, HEIGHT = 64, 48
PICTURE = Image(data=png(WIDTH, HEIGHT))
WHOLE = Box(x0=0, y0=0, x1=WIDTH, y1=HEIGHT)


def bomb(width: int, height: int) -> bytes:
    """A small PNG whose header promises very many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    samples = zlib.compress(bytes(1_000_000), 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", samples)
        + chunk(b"IEND", b"")
    )


def crop(**changes: Any) -> CropRequest:
    return CropRequest(**{"image": PICTURE, "box": WHOLE, **changes})


def box(x0: float = 0, y0: float = 0, x1: float = WIDTH, y1: float = HEIGHT) -> CropRequest:
    return crop(box=Box(x0=x0, y0=y0, x1=x1, y1=y1))


def line(**changes: Any) -> DrawHorizontalLineByYRequest:
    return DrawHorizontalLineByYRequest(**{"image": PICTURE, "y": 10.0, **changes})


async def refusal_of(send: Send, request: Message) -> ThinkImgError:
    """The error of a bad request, after which a good one is answered."""
    error = await error_of(send(request))
    assert (await send(crop())).image.width == WIDTH
    assert "\n" not in error.message
    return error


def fields_of(error: ThinkImgError) -> list[str]:
    return [violation.field for violation in error.violations]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (png()[:-20], "truncated"),
        (png()[:30], "truncated"),
        (b"", "empty"),
        (b"not an image at all", "not an image"),
        (b"data:image/png;base64,iVBORw0KGgo", "base64"),
        (bomb(30_000, 30_000), "30000x30000"),
    ],
)
@pytest.mark.parametrize(
    "request_",
    [CropRequest(box=WHOLE), DrawVerticalLineByXRequest(x=1), OCRRequest(), EchoRequest()],
)
async def test_bytes_that_are_no_usable_image_are_refused(
    send: Send, request_: Any, data: bytes, words: str
) -> None:
    request_.image.data = data

    error = await refusal_of(send, request_)

    assert isinstance(error, InvalidRequest)
    assert fields_of(error) == ["image"]
    assert words in error.message


@pytest.mark.parametrize(
    ("request_", "kind", "fields"),
    [
        (box(x0=20, x1=10), InvalidRequest, ["box.x1"]),
        (box(x0=10, x1=10, y0=9, y1=9), InvalidRequest, ["box.x1", "box.y1"]),
        (box(x0=NAN), InvalidRequest, ["box.x0"]),
        (box(x1=INFINITY, y0=-INFINITY), InvalidRequest, ["box.y0", "box.x1"]),
        (box(x0=-1), OutOfRange, ["box.x0"]),
        (box(x1=WIDTH + 1), OutOfRange, ["box.x1"]),
        (box(x0=1000, y0=1000, x1=1001, y1=1001), OutOfRange, ["box.x0", "box.y0"]),
        (crop(box=Box(x0=0, y0=0, x1=5)), InvalidRequest, ["box.y1"]),
        (CropRequest(image=PICTURE), InvalidRequest, ["box"]),
        (CropRequest(box=WHOLE), InvalidRequest, ["image"]),
        (CropRequest(), InvalidRequest, ["image", "box"]),
        (crop(image=Image()), InvalidRequest, ["image"]),
        (crop(image=Image(digest="abc")), InvalidRequest, ["image.digest"]),
        (crop(image=Image(digest="AB" * 32)), InvalidRequest, ["image.digest"]),
        (crop(scale=9.0), InvalidRequest, ["scale"]),
        (crop(scale=NAN), InvalidRequest, ["scale"]),
        (crop(padding=-1.0), InvalidRequest, ["padding"]),
        (crop(format=77), InvalidRequest, ["format"]),
        (line(y=NAN), InvalidRequest, ["y"]),
        (line(y=-0.5), InvalidRequest, ["y"]),
        (line(y=float(HEIGHT)), OutOfRange, ["y"]),
        (line(y=1e308), OutOfRange, ["y"]),
        (DrawHorizontalLineByYRequest(image=PICTURE), InvalidRequest, ["y"]),
        (line(color="rde"), InvalidRequest, ["color"]),
        (line(color="#12345"), InvalidRequest, ["color"]),
        (line(color="rgb(999,0,0)"), InvalidRequest, ["color"]),
        (line(color="x" * 33), InvalidRequest, ["color"]),
        (line(thickness=0), InvalidRequest, ["thickness"]),
        (line(thickness=33), InvalidRequest, ["thickness"]),
        (line(style=9), InvalidRequest, ["style"]),
        (OCRRequest(), InvalidRequest, ["image"]),
        (OCRRequest(image=PICTURE, min_score=1.1), InvalidRequest, ["min_score"]),
        (OCRRequest(image=PICTURE, region=Box(x0=1)), InvalidRequest, ["region.y0"]),
        (
            OCRRequest(image=PICTURE, region=Box(x0=0, y0=0, x1=WIDTH, y1=HEIGHT + 1)),
            OutOfRange,
            ["region.y1"],
        ),
    ],
)
async def test_a_wrong_value_is_named(
    send: Send, request_: Message, kind: type[ThinkImgError], fields: list[str]
) -> None:
    error = await refusal_of(send, request_)

    assert type(error) is kind
    assert fields_of(error)[: len(fields)] == fields


async def test_a_digest_nobody_uploaded_asks_for_the_bytes(send: Send) -> None:
    error = await refusal_of(send, crop(image=Image(digest="0" * 64)))

    assert type(error) is ImageNotCached
    assert "send its bytes" in error.message


async def test_a_near_colour_is_suggested(send: Send) -> None:
    assert "did you mean red" in (await refusal_of(send, line(color="redd"))).message


async def test_a_refused_image_is_not_remembered_as_sent(send: Send) -> None:
    broken = png(33, 44)[:-30]
    await refusal_of(send, crop(image=Image(data=broken)))

    whole = await send(crop(image=Image(data=png(33, 44)), box=Box(x0=0, y0=0, x1=33, y1=44)))
    assert whole.image.height == 44
