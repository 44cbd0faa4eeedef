"""Hypothesis strategies for requests: sensible, senseless, and broken on the way."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.v1 import (
    Box,
    CropRequest,
    DrawHorizontalLineByYRequest,
    DrawVerticalLineByXRequest,
    Image,
    ImageFormat,
    LineStyle,
    OCRRequest,
)

from ...mesh_fixtures import png

WIDTH, HEIGHT = 24, 16
PICTURE = png(WIDTH, HEIGHT)
GOOD = CropRequest(image=Image(data=PICTURE), box=Box(x0=1, y0=2, x1=20, y1=12), scale=2)
VALID: tuple[Any, ...] = (
    GOOD,
    DrawHorizontalLineByYRequest(image=Image(data=PICTURE), y=3, color="blue", thickness=2),
    DrawVerticalLineByXRequest(
        image=Image(data=PICTURE),
        x=3,
        style=LineStyle.LINE_STYLE_DASHED,
        format=ImageFormat.IMAGE_FORMAT_JPEG,
    ),
    OCRRequest(image=Image(data=PICTURE), region=Box(x0=0, y0=1, x1=9, y1=9), min_score=0.1),
)
REQUESTS: tuple[Any, ...] = tuple(type(request) for request in VALID)

_INTERESTING_BYTES = st.sampled_from([b"", PICTURE, PICTURE[:-9], PICTURE[:40], b"GIF89a", b"RIFF"])
_INTERESTING_TEXT = st.sampled_from(
    ["", "red", "rgb(300,0,0)", "hsl(9,900%,50%)", digest_of(PICTURE)]
)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Bytes with a few places overwritten, cut out or filled in."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(start + 8, len(data))))
        data[start:end] = draw(st.binary(max_size=8))
    return bytes(data)


def filled(message_class: type[Message]) -> st.SearchStrategy[Message]:
    """A message with any of its fields set to anything their types can hold."""

    @st.composite
    def build(draw: st.DrawFn) -> Message:
        message = message_class()
        _fill(message, draw)
        return message

    return build()


def requests() -> st.SearchStrategy[Message]:
    """A request of any tool, whose values need not make sense."""
    return st.one_of(*(filled(request) for request in REQUESTS))


def raw_requests(valid: Message) -> st.SearchStrategy[bytes]:
    """What may arrive in place of a request of that kind."""
    return st.one_of(
        st.binary(max_size=200),
        damaged(valid.SerializeToString()),
        filled(type(valid)).map(lambda message: message.SerializeToString()),
    )


def _fill(message: Message, draw: st.DrawFn) -> None:
    descriptor: Descriptor = message.DESCRIPTOR  # type: ignore[assignment]
    for field in descriptor.fields:
        if not draw(st.integers(0, 3)):
            continue
        if field.message_type is None:
            setattr(message, field.name, draw(_scalar(field)))
        else:
            part = getattr(message, field.name)
            part.SetInParent()
            _fill(part, draw)


def _scalar(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    match field.type:
        case FieldDescriptor.TYPE_DOUBLE:
            return st.one_of(st.floats(), st.floats(-1, 70))
        case FieldDescriptor.TYPE_UINT32:
            return st.one_of(st.integers(0, 40), st.integers(0, 2**32 - 1))
        case FieldDescriptor.TYPE_ENUM:
            return st.one_of(st.integers(0, 3), st.integers(-(2**31), 2**31 - 1))
        case FieldDescriptor.TYPE_STRING:
            return st.one_of(_INTERESTING_TEXT, st.text(max_size=80))
        case FieldDescriptor.TYPE_BYTES:
            return st.one_of(_INTERESTING_BYTES, damaged(PICTURE), st.binary(max_size=80))
        case FieldDescriptor.TYPE_BOOL:
            return st.booleans()
    raise AssertionError(f"teach the test about {field.full_name}")
