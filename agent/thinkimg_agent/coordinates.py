"""Coordinates as a model family counts them, and as the mesh does.

The mesh counts pixels of the image itself. A model sees the image reduced to
its budget and counts pixels of what it sees, or fractions, percents or
thousandths of its width and height. Which of these is a property of the
dialect, never guessed from the values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from thinkimg_rpc.contract.options import rule_of
from thinkimg_rpc.coordinates import CoordinateSpace, convert_coordinates
from thinkimg_rpc.errors import FieldViolation
from thinkimg_rpc.v1 import Axis, Box

__all__ = [
    "CoordinateSpace",
    "View",
    "arguments_in_pixels",
    "coordinates_in_words",
    "far_edge",
    "to_model",
    "to_pixels",
]

_BOX = Box.DESCRIPTOR.full_name


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

    Said here and in the model's own numbers: a worker would quote pixels that the
    model never wrote.
    """
    wrong: list[FieldViolation] = []
    edges: dict[str, float] = {}

    def convert(field: FieldDescriptor, path: str, value: float) -> float:
        axis = rule_of(field).axis
        limit = far_edge(space, view, axis)
        # A box may end at the far edge; a point or a line there would be on no pixel.
        inside = field.containing_type
        is_edge = inside is not None and inside.full_name == _BOX
        if is_edge:
            edges[path] = value
        if not (0 <= value <= limit if is_edge else 0 <= value < limit):
            span = f"0 to {'' if is_edge else 'below '}{limit:g}"
            wrong.append(FieldViolation(path, f"{value:g} is outside the image: {span}"))
        return to_pixels(space, view, axis, value)

    converted = convert_coordinates(message, arguments, convert)
    return converted, [*wrong, *_crossed(edges)]


def _crossed(edges: Mapping[str, float]) -> Iterator[FieldViolation]:
    """The far edges of boxes that do not lie beyond the near ones; by path."""
    for path, value in edges.items():
        box, name = path[:-2], path[-2:]
        near = {"x1": "x0", "y1": "y0"}.get(name, "")
        if near and value <= (first := edges.get(f"{box}{near}", -1.0)):
            problem = f"must be larger than {near} ({value:g} <= {first:g})"
            yield FieldViolation(path, problem)
