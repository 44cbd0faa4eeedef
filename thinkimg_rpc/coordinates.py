"""What the numbers that say where something is stand for.

On the wire they are pixels of the image itself. A model may count otherwise, and
is told of tools in the numbers that it writes. Which numbers are coordinates at
all is written in the contracts: `(rule).axis`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeGuard

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from thinkimg_rpc.contract.options import is_image, rule_of
from thinkimg_rpc.v1.options_pb2 import Axis


class CoordinateSpace(Enum):
    """What the numbers 0 to … stand for, from one edge of an image to the other."""

    PIXELS = "pixels"
    """0 to the size of the image, as whoever reads it sees it."""
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

    def unit(self, axis: Axis.ValueType) -> str:
        """What a number along an axis counts: "in pixels", "in percent of the width"."""
        side = "width" if axis == Axis.AXIS_X else "height"
        return _UNITS[self].format(side=side)


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
_UNITS = {
    CoordinateSpace.PIXELS: "in pixels",
    CoordinateSpace.FRACTIONS: "as a fraction of the {side}",
    CoordinateSpace.PERCENT: "in percent of the {side}",
    CoordinateSpace.THOUSANDTHS: "in thousandths of the {side}",
}

Convert = Callable[[FieldDescriptor, str, float], float]
"""What to put in place of a coordinate, from its field, its path and its value."""


def convert_coordinates(
    message: Descriptor, arguments: Mapping[str, Any], convert: Convert, path: str = ""
) -> dict[str, Any]:
    """JSON arguments with every coordinate replaced, and all else as it is.

    Values of a wrong JSON type are passed over.
    """
    converted = dict(arguments)
    for field in message.fields:
        value, here = arguments.get(field.name), f"{path}{field.name}"
        inner = field.message_type
        if inner is not None and not is_image(inner):
            if isinstance(value, Mapping):
                converted[field.name] = convert_coordinates(inner, value, convert, f"{here}.")
            elif isinstance(value, list):
                converted[field.name] = [
                    convert_coordinates(inner, item, convert, f"{here}[{number}].")
                    if isinstance(item, Mapping)
                    else item
                    for number, item in enumerate(value)
                ]
        elif rule_of(field).axis and is_json_number(value):
            converted[field.name] = convert(field, here, value)
    return converted


def is_json_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
