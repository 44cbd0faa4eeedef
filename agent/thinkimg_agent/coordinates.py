"""Coordinates as a model family counts them, and as the mesh does.

The mesh counts pixels of the image itself. A model sees the image reduced to
its budget and counts pixels of what it sees, or fractions, percents or
thousandths of its width and height. Which of these is a property of the
dialect, never guessed from the values. Which numbers are coordinates at all is
written in the contracts: `(rule).axis`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeGuard

from google.protobuf.descriptor import Descriptor

from thinkimg_rpc.contract.options import is_image, rule_of
from thinkimg_rpc.errors import FieldViolation
from thinkimg_rpc.v1 import Axis, Box

_BOX = Box.DESCRIPTOR.full_name


class CoordinateSpace(Enum):
    """What the numbers 0 to … stand for, from one edge of an image to the other."""

    PIXELS = "pixels"
    """0 to the size of the image as the policy sees it."""
    FRACTIONS = "0-1"
    PERCENT = "0-100"
    THOUSANDTHS = "0-1000"

    @property
    def full(self) -> float | None:
        """What the far edge is called; None where that depends on the image."""
        return _FULL[self]

    @property
    def decimals(self) -> int:
        """How finely numbers are written for the model."""
        return _DECIMALS[self]


_FULL = {
    CoordinateSpace.PIXELS: None,
    CoordinateSpace.FRACTIONS: 1.0,
    CoordinateSpace.PERCENT: 100.0,
    CoordinateSpace.THOUSANDTHS: 1000.0,
}
_DECIMALS = {
    CoordinateSpace.PIXELS: 0,
    CoordinateSpace.FRACTIONS: 3,
    CoordinateSpace.PERCENT: 1,
    CoordinateSpace.THOUSANDTHS: 0,
}


@dataclass(frozen=True, slots=True)
class View:
    """An image's size in pixels, and its size as the policy sees it."""

    width: int
    height: int
    shown_width: int
    shown_height: int

    def real(self, axis: Axis.ValueType) -> int:
        return self.width if axis == Axis.AXIS_X else self.height

    def shown(self, axis: Axis.ValueType) -> int:
        return self.shown_width if axis == Axis.AXIS_X else self.shown_height


def far_edge(space: CoordinateSpace, view: View, axis: Axis.ValueType) -> float:
    """The largest coordinate a model may write along an axis of an image."""
    return float(view.shown(axis)) if space.full is None else space.full


def to_pixels(space: CoordinateSpace, view: View, axis: Axis.ValueType, value: float) -> float:
    """A coordinate as the model wrote it, in pixels of the image itself."""
    return value / far_edge(space, view, axis) * view.real(axis)


def to_model(space: CoordinateSpace, view: View, axis: Axis.ValueType, value: float) -> float:
    """A coordinate in pixels of the image itself, as it is written for the model."""
    written = round(value / view.real(axis) * far_edge(space, view, axis), space.decimals)
    return int(written) if space.decimals == 0 else written


def coordinates_in_words(space: CoordinateSpace) -> str:
    """What a model is told of the numbers that say where something is."""
    if space.full is None:
        return "x counts pixels from the left edge of the image, y from the top edge downwards."
    return (
        f"x runs from 0 at the left edge of the image to {space.full:g} at the right edge, "
        f"y from 0 at the top to {space.full:g} at the bottom, whatever the image's size."
    )


def arguments_in_pixels(
    message: Descriptor, arguments: Mapping[str, Any], space: CoordinateSpace, view: View
) -> tuple[dict[str, Any], list[FieldViolation]]:
    """A call's arguments with its coordinates in pixels, and what is wrong with them.

    Said here and in the model's own numbers: a worker would quote pixels that the model
    never wrote. Values of a wrong JSON type stay as they are: building the request names them.
    """
    wrong: list[FieldViolation] = []
    return _convert(message, arguments, space, view, "", wrong), wrong


def _convert(
    message: Descriptor,
    values: Mapping[str, Any],
    space: CoordinateSpace,
    view: View,
    path: str,
    wrong: list[FieldViolation],
) -> dict[str, Any]:
    converted = dict(values)
    is_box = message.full_name == _BOX
    for field in message.fields:
        value = values.get(field.name)
        here = f"{path}{field.name}"
        if field.message_type is not None and not is_image(field.message_type):
            if isinstance(value, Mapping):
                converted[field.name] = _convert(
                    field.message_type, value, space, view, f"{here}.", wrong
                )
            elif isinstance(value, list):
                converted[field.name] = [
                    _convert(field.message_type, item, space, view, f"{here}[{i}].", wrong)
                    if isinstance(item, Mapping)
                    else item
                    for i, item in enumerate(value)
                ]
        elif (axis := rule_of(field).axis) and _is_number(value):
            limit = far_edge(space, view, axis)
            # A box may end at the far edge; a point or a line there would be on no pixel.
            inside = 0 <= value <= limit if is_box else 0 <= value < limit
            if not inside:
                span = f"0 to {limit:g}" if is_box else f"0 to below {limit:g}"
                wrong.append(FieldViolation(here, f"{value:g} is outside the image: {span}"))
            converted[field.name] = to_pixels(space, view, axis, value)
    if is_box:
        wrong += _crossed(values, path)
    return converted


def _crossed(box: Mapping[str, Any], path: str) -> Iterator[FieldViolation]:
    """The edges of a box that lie on the wrong side of each other."""
    for near, far in (("x0", "x1"), ("y0", "y1")):
        a, b = box.get(near), box.get(far)
        if _is_number(a) and _is_number(b) and a >= b:
            yield FieldViolation(f"{path}{far}", f"must be larger than {near} ({b:g} <= {a:g})")


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
