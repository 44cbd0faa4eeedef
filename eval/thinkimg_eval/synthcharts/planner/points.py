"""The points of a scatter chart."""

from __future__ import annotations

from collections.abc import Sequence

from thinkimg_eval.synthcharts.planner.axes import Axis, value_axis
from thinkimg_eval.synthcharts.planner.picture import Picture, labelled, of_name
from thinkimg_eval.synthcharts.planner.places import Box
from thinkimg_eval.synthcharts.planner.values import Tip, Value


def point_values(picture: Picture, series: str = "") -> list[Value]:
    """The height of each point, of a series or of all. Raises: NotYetSeen."""
    wanted = of_name("points", series)
    spans, found = picture.texts_and("the points", wanted)
    axis = value_axis(spans, "y")
    return [] if axis is None else heights_of(labelled(found, wanted), axis)


def heights_of(points: Sequence[Box], axis: Axis) -> list[Value]:
    """What the middles of points stand for."""
    return [Value("", axis.value_at(box.y), tip=Tip("y", box.y)) for box in points]


def count_points(picture: Picture, series: str) -> int:
    """How many points a series has. Raises: NotYetSeen."""
    wanted = of_name("points", series)
    return len(labelled(picture.places("I look for the points.", wanted), wanted))
