"""What a policy is shown of a tool's typed answer: short, stable text, and images.

JSON with what a model has no use for left out: a box is [x0, y0, x1, y1], a
point [x, y], an image its name, a mask only its area and box. Coordinates are in
the dialect's space.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from thinkimg_agent.coordinates import CoordinateSpace, View, to_model
from thinkimg_rpc.contract.options import FLOAT_TYPES, descriptor_of, rule_of
from thinkimg_rpc.errors import CallerError
from thinkimg_rpc.parts import find_messages
from thinkimg_rpc.v1 import Box, Mask, Point, Provenance, Quad, ResultImage

MAX_CHARACTERS = 6000

_BOX = Box.DESCRIPTOR.full_name
_POINT = Point.DESCRIPTOR.full_name
_QUAD = Quad.DESCRIPTOR.full_name
_RESULT_IMAGE = ResultImage.DESCRIPTOR.full_name
_LEFT_OUT = frozenset({Mask.DESCRIPTOR.full_name, Provenance.DESCRIPTOR.full_name})
_SCORE_DECIMALS = 2
_NUMBER_DIGITS = 6


def result_images(response: Message) -> Iterator[ResultImage]:
    """The images in a tool's answer, in the order of its fields."""
    found: Iterator[ResultImage] = find_messages(descriptor_of(response), _RESULT_IMAGE)(response)
    return found


def describe(
    response: Message, space: CoordinateSpace, view: View | None, names: Mapping[str, str]
) -> str:
    """A tool's answer as text.

    `view` is the image the call was about, None if it was about none; `names` are
    those of the answer's images, by digest.
    """
    text = json.dumps(_Describer(space, view, names).message(response), ensure_ascii=False)
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[:MAX_CHARACTERS]}… (cut: {len(text)} characters in all)"


def describe_error(error: CallerError) -> str:
    """What a policy is told of a call it got wrong, with the field and the remedy."""
    return f"Error: {error.message}"


class _Describer:
    def __init__(self, space: CoordinateSpace, view: View | None, names: Mapping[str, str]) -> None:
        self._space = space
        self._view = view
        self._names = names

    def message(self, message: Message) -> Any:
        kind = descriptor_of(message)
        if kind.full_name == _RESULT_IMAGE:
            return self._names.get(getattr(message, "digest"), "")  # noqa: B009
        if kind.full_name in (_BOX, _POINT):
            return [self._number(field, getattr(message, field.name)) for field in kind.fields]
        has_box = _has_box(kind)
        described: dict[str, Any] = {}
        # Where a thing is stands before what it is, as in the boxes that vision models write:
        # who reads from left to right can find a text by its place.
        for field, value in sorted(message.ListFields(), key=lambda one: _kind_of(one[0]) != _BOX):
            name = _kind_of(field)
            if name in _LEFT_OUT or (name == _QUAD and has_box):
                continue
            if field.is_repeated:
                described[field.name] = [self._value(field, item) for item in value]
            else:
                described[field.name] = self._value(field, value)
        return described

    def _value(self, field: FieldDescriptor, value: Any) -> Any:
        if field.message_type is not None:
            return self.message(value)
        if field.enum_type is not None:
            known = field.enum_type.values_by_number.get(value)
            return known.name if known else value
        if field.type == FieldDescriptor.TYPE_BYTES:
            return f"{len(value)} bytes"
        return self._number(field, value) if field.type in FLOAT_TYPES else value

    def _number(self, field: FieldDescriptor, value: float) -> float:
        axis = rule_of(field).axis
        if axis and self._view is not None:
            return to_model(self._space, self._view, axis, value)
        if field.name == "score":
            return round(value, _SCORE_DECIMALS)
        short = float(f"{value:.{_NUMBER_DIGITS}g}")
        return int(short) if short.is_integer() else short


@lru_cache(maxsize=256)
def _has_box(kind: Descriptor) -> bool:
    return any(_kind_of(field) == _BOX for field in kind.fields)


def _kind_of(field: FieldDescriptor) -> str:
    return field.message_type.full_name if field.message_type is not None else ""
