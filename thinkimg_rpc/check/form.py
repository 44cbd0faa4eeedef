"""What must hold of any answer, whatever computed it: it fits the picture and itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.message import Message

from thinkimg_rpc.contract.options import descriptor_of
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.imaging.codec import InvalidImage, Pixels, decode
from thinkimg_rpc.imaging.mask import pixels_of
from thinkimg_rpc.v1 import Box, Mask, Point, Provenance, ResultImage, Segment

_MAX_PIXELS = 1 << 26
_SLACK = 1.0
"""Pixels that a box or a corner may stick out of the picture by rounding."""
_RESULT_IMAGE = ResultImage.DESCRIPTOR.full_name
_PROVENANCE = Provenance.DESCRIPTOR.full_name


def form_problems(answer: Message, width: int, height: int) -> Iterator[str]:
    """What is wrong with the parts of an answer about a picture of that size, with their place."""
    for place, part in _parts(answer, ""):
        name = descriptor_of(part).full_name
        if name in _CHECKS:
            yield from (f"{place}: {problem}" for problem in _CHECKS[name](part, width, height))
        if "score" in descriptor_of(part).fields_by_name and not 0 <= part.score <= 1:
            yield f"{place}: its score {part.score} is not between 0 and 1"


def image_problems(answer: Message) -> Iterator[str]:
    """What is wrong with the images of an answer, whatever they show."""
    for place, part in _parts(answer, ""):
        if descriptor_of(part).full_name in (_RESULT_IMAGE, _PROVENANCE):
            check = _CHECKS[descriptor_of(part).full_name]
            yield from (f"{place}: {problem}" for problem in check(part, 0, 0))


def _parts(message: Message, place: str) -> Iterator[tuple[str, Any]]:
    """Every message inside a message, with its dotted path."""
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for index, item in enumerate(value) if field.is_repeated else [(None, value)]:
            name = field.name if index is None else f"{field.name}[{index}]"
            path = f"{place}.{name}" if place else name
            yield path, item
            yield from _parts(item, path)


def image_of(result: Any) -> Pixels:
    """The pixels of a ResultImage. Raises: InvalidImage."""
    return decode(result.data, max_pixels=_MAX_PIXELS)


def _box(box: Any, width: int, height: int) -> Iterator[str]:
    edges = (box.x0, box.y0, box.x1, box.y1)
    if not all(map(math.isfinite, edges)):
        yield "an edge is not finite"
    elif not (box.x0 < box.x1 and box.y0 < box.y1):
        yield "it is empty"
    elif min(edges) < -_SLACK or box.x1 > width + _SLACK or box.y1 > height + _SLACK:
        yield f"{tuple(round(edge) for edge in edges)} is not inside {width} x {height}"


def _point(point: Any, width: int, height: int) -> Iterator[str]:
    if not (math.isfinite(point.x) and math.isfinite(point.y)):
        yield "a coordinate is not finite"
    elif not (-_SLACK <= point.x <= width + _SLACK and -_SLACK <= point.y <= height + _SLACK):
        yield f"({point.x:.0f}, {point.y:.0f}) is not inside {width} x {height}"


def _mask(mask: Any, width: int, height: int) -> Iterator[str]:
    if (mask.width, mask.height) != (width, height):
        yield f"it is of {mask.width} x {mask.height}, the picture of {width} x {height}"
        return
    try:
        pixels_of(mask)
    except ValueError as error:
        yield str(error)


def _segment(segment: Any, width: int, height: int) -> Iterator[str]:
    if any(_mask(segment.mask, width, height)):
        return  # told of the mask itself
    area = int(pixels_of(segment.mask).sum())
    if area != segment.area:
        yield f"its area is {area} pixels, not {segment.area:.0f}"


def _result_image(image: Any, width: int, height: int) -> Iterator[str]:
    try:
        pixels = image_of(image)
    except InvalidImage as error:
        yield str(error)
        return
    if pixels.shape != (image.height, image.width, 3):
        yield f"it is {pixels.shape[1]} x {pixels.shape[0]}, not {image.width} x {image.height}"
    if digest_of(image.data) != image.digest:
        yield "its digest is another image's"


def _provenance(provenance: Any, width: int, height: int) -> Iterator[str]:
    if provenance.cached:
        yield "an answer to another picture was taken for this one's"


_CHECKS: dict[str, Callable[[Any, int, int], Iterator[str]]] = {
    Box.DESCRIPTOR.full_name: _box,
    Point.DESCRIPTOR.full_name: _point,
    Mask.DESCRIPTOR.full_name: _mask,
    Segment.DESCRIPTOR.full_name: _segment,
    _RESULT_IMAGE: _result_image,
    _PROVENANCE: _provenance,
}
