"""What the lines of a chart stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from thinkimg_eval.synthcharts.planner.axes import Axis, value_axis
from thinkimg_eval.synthcharts.planner.categories import Label, labels_along, named
from thinkimg_eval.synthcharts.planner.legend import (
    SWATCHES,
    area_of,
    colors_in,
    entries_of,
    entry_named,
)
from thinkimg_eval.synthcharts.planner.lines import height_at
from thinkimg_eval.synthcharts.planner.paint import Color, paper_of, strongest
from thinkimg_eval.synthcharts.planner.picture import Closer, Picture, labelled, of_name
from thinkimg_eval.synthcharts.planner.places import Box
from thinkimg_eval.synthcharts.planner.values import SURE, Value

_BEYOND = 0.3
"""Of the way from tick to tick."""
_MARKER = 0.006
"""Half the width of a marker, in parts of the picture."""
_OFF = 0.3
"""Of the way from name to name; if one is farther off, a name is missing."""
_COLUMN = 0.012
"""Half the width, in parts of the picture, of a column that is looked at closely."""
_SWATCH_MARGIN = 0.004


def plot_of(axis: Axis) -> Box:
    """About where data may be: right of the ticks, between the first and the last.

    A line goes beyond the last tick at times; a legend or a title is farther away.
    """
    ticks = [tick.box for tick in axis.ticks]
    top, foot = min(box.y for box in ticks), max(box.y for box in ticks)
    above = _BEYOND * abs(axis.step / axis.slope)
    return Box(max(box.x1 for box in ticks), max(0.0, top - above), 1.0, foot)


def line_values(picture: Picture, series: str = "", only: str = "") -> list[Value]:
    """The value of a line at each category, or at one. Raises: NotYetSeen.

    `series`: none if there is but one line.
    """
    wanted = of_name("line", series)
    searches = (wanted, SWATCHES) if series else (wanted,)
    spans, found = picture.texts_and("the line", *searches)
    axis = value_axis(spans, "y")
    if axis is None:
        return []
    plot, boxes = plot_of(axis), labelled(found, wanted)
    labels = labels_along(spans, plot, "x", axis)
    line = _line_among(boxes, labels)
    labels = labels if line is None else _placed(labels, line)
    at = named(only, labels) if only else None
    area = plot if line is None else line.grown(0.01)
    if at is not None:
        # The axis and a frame around the plot are left out where nothing tells their colour
        # from the line's.
        area = column_at(at, plot if series else Box(plot.x0, area.y0, plot.x1, area.y1))
    thought = f"I look at {only} closely." if at else "I look at the line closely."
    paper = paper_of(picture.view())
    entry = entry_named(series, spans, entries_of(spans, found), picture.scale.aspect)
    if entry is None:
        [closer] = picture.closer(thought, area)
        color = strongest(closer.pixels, paper)
    else:
        closer, key = picture.closer(thought, area, area_of([entry]))
        [color] = colors_in(key, [entry], paper)
    if color is None:
        return []
    return _values_at([at] if at else labels, closer, color, paper, axis)


def column_at(label: Label, plot: Box) -> Box:
    """The narrow column of the plot above a name."""
    middle = label.place
    return Box(max(0.0, middle - _COLUMN), plot.y0, min(1.0, middle + _COLUMN), plot.y1)


def _line_among(boxes: Sequence[Box], labels: Sequence[Label]) -> Box | None:
    """The box that goes from the first name to the last: a grid or a part of a line does not."""
    if not boxes or not labels:
        return None
    first, last = labels[0].place, labels[-1].place
    return min(boxes, key=lambda box: abs(box.x0 - first) + abs(box.x1 - last))


def _placed(labels: list[Label], line: Box) -> list[Label]:
    """The names where the line says that they stand, from its first point to its last.

    OCR boxes of slanted or cut names are not in the middle.
    """
    if len(labels) < 3:
        return labels
    step = (line.width - 2 * _MARKER) / (len(labels) - 1)
    placed = [
        replace(label, place=line.x0 + _MARKER + step * at) for at, label in enumerate(labels)
    ]
    off = max(abs(a.place - b.place) for a, b in zip(labels, placed, strict=True))
    return placed if off < _OFF * step else labels


def _values_at(
    labels: Sequence[Label], closer: Closer, color: Color, paper: Color, axis: Axis
) -> list[Value]:
    values = []
    for label in labels:
        y = height_at(closer, label.place, color, paper)
        if y is not None:
            values.append(Value(label.name, axis.value_at(y), sure=len(axis.ticks) >= SURE))
    return values
