"""The values of all series at one category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from thinkimg_eval.synthcharts.asked import Way
from thinkimg_eval.synthcharts.planner.axes import value_axis
from thinkimg_eval.synthcharts.planner.bar_values import bar_values
from thinkimg_eval.synthcharts.planner.categories import labels_along, named
from thinkimg_eval.synthcharts.planner.glance import kind_seen
from thinkimg_eval.synthcharts.planner.legend import (
    SWATCHES,
    Entry,
    area_of,
    colors_in,
    entries_of,
    entry_named,
)
from thinkimg_eval.synthcharts.planner.line_values import column_at, plot_of
from thinkimg_eval.synthcharts.planner.lines import height_at
from thinkimg_eval.synthcharts.planner.paint import paper_of
from thinkimg_eval.synthcharts.planner.picture import Picture, labelled, of_name
from thinkimg_eval.synthcharts.planner.points import heights_of
from thinkimg_eval.synthcharts.planner.texts import Span, likeness
from thinkimg_eval.synthcharts.planner.values import Value

_NAMED = 0.65


def values_of_series(picture: Picture, way: Way, category: str = "") -> list[Value]:
    """One value for each name in the legend: at a category, else its highest or lowest.

    Raises: NotYetSeen.
    """
    spans, found = picture.texts_and("the legend", SWATCHES)
    entries = entries_of(spans, found)
    match kind_seen(picture.view(), picture.scale.aspect):
        case "line" if entries:
            return _of_lines(picture, category, spans, entries)
        case "points" if entries:
            return _of_points(picture, way, spans, entries)
        case _ if entries:
            return _of_bars(picture, category, [entry.name for entry in entries])
    return []


def values_of_two(picture: Picture, category: str, names: Sequence[str]) -> list[Value]:
    """The values of some series at a category. Raises: NotYetSeen."""
    if kind_seen(picture.view(), picture.scale.aspect) != "line":
        return _of_bars(picture, category, names)
    spans, found = picture.texts_and("the legend", SWATCHES)
    known = entries_of(spans, found)
    entries = [entry_named(name, spans, known, picture.scale.aspect) for name in names]
    return _of_lines(picture, category, spans, [entry for entry in entries if entry])


def _of_points(picture: Picture, way: Way, spans: list[Span], entries: list[Entry]) -> list[Value]:
    axis = value_axis(spans, "y")
    if axis is None:
        return []
    searches = [of_name("points", entry.name) for entry in entries]
    found = picture.places("I look for the points of each.", *searches)
    values = []
    for entry, search in zip(entries, searches, strict=True):
        heights = [one.value for one in heights_of(labelled(found, search), axis)]
        if heights:
            end = max(heights) if way is Way.HIGHEST else min(heights)
            values.append(Value(entry.name, end))
    return values


def _of_bars(picture: Picture, category: str, names: Sequence[str]) -> list[Value]:
    searches = [of_name("bars", name) for name in names]
    spans, found = picture.texts_and("the bars of each", *searches)
    values = []
    for name, search in zip(names, searches, strict=True):
        own = bar_values(labelled(found, search), spans, picture.scale.aspect)
        at = max(own, key=lambda value: likeness(category, value.name), default=None)
        if at is not None and likeness(category, at.name) >= _NAMED:
            values.append(replace(at, name=name))
    return values


def _of_lines(
    picture: Picture, category: str, spans: list[Span], entries: list[Entry]
) -> list[Value]:
    axis = value_axis(spans, "y")
    if axis is None or not entries:
        return []
    plot = plot_of(axis)
    at = named(category, labels_along(spans, plot, "x", axis))
    if at is None:
        return []
    column, key = picture.closer(
        f"I look at {category} and at the legend closely.",
        column_at(at, plot),
        area_of(entries),
    )
    paper = paper_of(picture.view())
    colors = colors_in(key, entries, paper)
    values = []
    for entry, color in zip(entries, colors, strict=True):
        y = None if color is None else height_at(column, at.place, color, paper)
        if y is not None:
            values.append(Value(entry.name, axis.value_at(y)))
    return values
