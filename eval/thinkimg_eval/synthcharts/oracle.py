"""Answers from the recorded geometry alone: a check of the truths that shares no code.

    oracle = Oracle(chart)          # never looks at chart.numbers
    oracle.answer(question.asked)

It measures what a careful person would with a ruler: a bar's end against the ticks of its
axis, a line's corner above a category's name, a wedge's angle, a number by where it stands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from thinkimg_eval.charts import Box, Chart, Element
from thinkimg_eval.charts.elements import Polygon
from thinkimg_eval.synthcharts.asked import Asked, Family, Way

_T = TypeVar("_T")
_Point = tuple[float, float]

_WRITTEN_IN = (Family.LABELLED_VALUE, Family.PANEL, Family.ARITHMETIC)
"""The families whose numbers may be written in the chart."""


class Oracle:
    """All that can be measured in one chart."""

    def __init__(self, chart: Chart) -> None:
        areas = [each for each in chart.elements if each.role == "plot_area"]
        self._plots = [
            _Plot([each for each in chart.elements if each.panel == area.panel]) for area in areas
        ]

    def answer(self, asked: Asked) -> str:
        """In words, or as a number. Raises: LookupError, when the chart does not have it."""
        if asked.family is Family.PANEL and asked.way is Way.SHOWN:
            return _only(
                plot.title
                for plot in self._plots
                if plot.kind == asked.kind or asked.color in plot.colors
            )
        plot = _only(plot for plot in self._plots if not asked.panel or plot.title == asked.panel)
        if asked.family is Family.COLOR_TO_SERIES:
            return plot.legend[asked.color]
        return _answered(asked, plot.measured)


@dataclass(frozen=True)
class _Measured:
    """One value, by the names that lead to it."""

    category: str
    series: str
    value: float
    """By the axis, or as a percentage of a circle."""
    written: float | None = None
    """The number that stands at it."""


class _Plot:
    """One panel."""

    def __init__(self, elements: Sequence[Element]) -> None:
        self._elements = elements
        self.legend = {each.color_name: each.text for each in self._with("legend_entry")}

    @property
    def title(self) -> str:
        return _only(each.text for each in self._with("panel_title"))

    @property
    def kind(self) -> str:
        for role, kind in (("bar", "bar"), ("line", "line"), ("wedge", "pie")):
            if self._with(role):
                return kind
        return "scatter"

    @property
    def colors(self) -> set[str]:
        return {each.color_name for each in self._elements if each.role in ("bar", "line")}

    @cached_property
    def measured(self) -> list[_Measured]:
        match self.kind:
            case "bar":
                return self._bars()
            case "line":
                return [each for line in self._with("line") for each in self._line(line)]
            case "pie":
                return [self._wedge(wedge) for wedge in self._with("wedge")]
            case _:
                value_at = self._axis("y_tick", 1)
                return [
                    _Measured("", self._series(one), value_at(_middle(one.box)[1]))
                    for one in self._with("marker")
                ]

    def _with(self, role: str) -> list[Element]:
        return [each for each in self._elements if each.role == role]

    def _series(self, element: Element) -> str:
        return self.legend.get(element.color_name, "")

    def _bars(self) -> list[_Measured]:
        bars = self._with("bar")
        lying = len({round(bar.box[0]) for bar in bars}) == 1
        # Along x lie the values of lying bars and the names of upright ones.
        value_at = self._axis("x_tick", 0) if lying else self._axis("y_tick", 1)
        names = self._with("y_tick" if lying else "x_tick")
        across = 1 if lying else 0
        measured = []
        for bar in bars:
            x0, y0, x1, y1 = bar.box
            start, end = (x0, x1) if lying else (y1, y0)
            place = _middle(bar.box)[across]
            # A group of bars has its name under its middle.
            name = min(names, key=lambda each: abs(_middle(each.box)[across] - place))
            tip = (x1, (y0 + y1) / 2) if lying else ((x0 + x1) / 2, y0)
            value = value_at(end) - value_at(start)
            written = self._number_in(bar, tip)
            measured.append(_Measured(name.text, self._series(bar), value, written))
        return measured

    def _line(self, line: Element) -> list[_Measured]:
        assert line.polygon is not None
        half = len(line.polygon) // 2
        # Its outline goes forth on one side and back on the other.
        corners = (line.polygon[:half] + line.polygon[half:][::-1]) / 2
        value_at = self._axis("y_tick", 1)
        names = sorted(self._with("x_tick"), key=lambda each: _middle(each.box)[0])
        return [
            _Measured(name.text, self._series(line), value_at(float(y)))
            for name, (_, y) in zip(names, corners, strict=True)
        ]

    def _wedge(self, wedge: Element) -> _Measured:
        assert wedge.polygon is not None
        center, corners = _wedge_center(wedge.polygon)
        ways = corners - center
        angles = np.unwrap(np.arctan2(ways[:, 1], ways[:, 0]))
        share = float(abs(angles[-1] - angles[0])) / (2 * math.pi) * 100
        middle = (angles[0] + angles[-1]) / 2
        radius = float(np.linalg.norm(ways[0]))
        rim = center + radius * 1.1 * np.array([math.cos(middle), math.sin(middle)])
        inside = center + radius * 0.6 * np.array([math.cos(middle), math.sin(middle)])
        name = self.legend.get(wedge.color_name) or self._nearest(rim, _is_name).text
        return _Measured(name, "", share, self._number_in(wedge, _point(inside)))

    def _number_in(self, mark: Element, place: _Point) -> float | None:
        """The number written within a mark, or else at a place of it."""
        numbers = [each for each in self._with("annotation") if not _is_name(each)]
        if not numbers:
            return None
        within = [each for each in numbers if _inside(_middle(each.box), mark.box)]
        nearest = min(
            within if mark.role == "bar" and within else numbers,
            key=lambda each: math.dist(_middle(each.box), place),
        )
        return float(nearest.text.rstrip("%"))

    def _nearest(self, place: NDArray[Any], fits: Callable[[Element], bool]) -> Element:
        texts = [each for each in self._with("annotation") if fits(each)]
        return min(texts, key=lambda each: _gap(_point(place), each.box))

    def _axis(self, role: str, along: int) -> Callable[[float], float]:
        """From a place to a value, through the ticks."""
        ticks = [each for each in self._with(role) if not _is_name(each)]
        places = [_middle(each.box)[along] for each in ticks]
        slope, start = np.polyfit(places, [float(each.text) for each in ticks], 1)
        return lambda place: float(slope * place + start)


def _answered(asked: Asked, measured: Sequence[_Measured]) -> str:
    if asked.family is Family.COUNT:
        return _counted(asked, measured)
    if asked.family is Family.YES_NO:
        return _judged(asked, measured)
    if asked.family is Family.ARITHMETIC:
        one, other = (_of(each, asked.family) for each in _two(asked, measured))
        number = one / other if asked.way is Way.RATIO else abs(one - other)
        return f"{number:.4g}"
    if asked.way is Way.VALUE:
        only = _only(_named(measured, asked.categories, asked.series))
        return f"{_of(only, asked.family):.4g}"
    by_series = asked.noun == "series"
    fitting = _named(measured, asked.categories, asked.series)
    ranked = sorted(fitting, key=lambda each: each.value)
    if asked.way in (Way.HIGHEST, Way.SECOND_HIGHEST):
        ranked.reverse()
    chosen = ranked[asked.way in (Way.SECOND_HIGHEST, Way.SECOND_LOWEST)]
    if asked.family is Family.UNLABELLED_VALUE:
        return f"{chosen.value:.4g}"
    return chosen.series if by_series else chosen.category


def _counted(asked: Asked, measured: Sequence[_Measured]) -> str:
    values = [each.value for each in _named(measured, (), asked.series)]
    if asked.way is Way.EVERY:
        return str(len(values))
    limit = asked.threshold
    if limit is None:
        limit = _only(_named(measured, asked.categories, asked.series)).value
        values.remove(limit)
    above = sum(value > limit for value in values)
    return str(above if asked.way is Way.ABOVE else len(values) - above)


def _judged(asked: Asked, measured: Sequence[_Measured]) -> str:
    if asked.threshold is None:
        first, second = (each.value for each in _two(asked, measured))
    else:
        first = _only(_named(measured, asked.categories, asked.series)).value
        second = asked.threshold
    return "yes" if (first > second) == (asked.way is Way.ABOVE) else "no"


def _two(asked: Asked, measured: Sequence[_Measured]) -> tuple[_Measured, _Measured]:
    """The two values a question sets against each other, in its order."""
    if len(asked.categories) == 2:
        first, second = (_named(measured, [each], asked.series) for each in asked.categories)
    else:
        first, second = (_named(measured, asked.categories, [each]) for each in asked.series)
    return _only(first), _only(second)


def _named(
    measured: Sequence[_Measured], categories: Sequence[str], series: Sequence[str]
) -> list[_Measured]:
    """All that have one of these names; any where there are none."""
    return [
        each
        for each in measured
        if (not categories or each.category in categories) and (not series or each.series in series)
    ]


def _of(measured: _Measured, family: Family) -> float:
    """The number to answer with: what is written, where there is something."""
    if family in _WRITTEN_IN and measured.written is not None:
        return measured.written
    return measured.value


def _only(found: Iterable[_T]) -> _T:
    every = list(found)
    if len(every) != 1:
        raise LookupError(f"one thing was to be found, not {every}")
    return every[0]


def _wedge_center(polygon: Polygon) -> tuple[NDArray[Any], NDArray[Any]]:
    """The corner that all others are equally far from, and those."""
    distances = np.linalg.norm(polygon[:, None] - polygon[None], axis=2)
    spread = [np.delete(row, index).std() for index, row in enumerate(distances)]
    index = int(np.argmin(spread))
    # Beginning behind it, the others follow each other along the rim.
    return polygon[index], np.roll(polygon, -index - 1, axis=0)[:-1]


def _middle(box: Box) -> _Point:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _inside(point: _Point, box: Box) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _gap(point: _Point, box: Box) -> float:
    """How far a point is from a box."""
    near = (
        min(max(point[0], box[0]), box[2]),
        min(max(point[1], box[1]), box[3]),
    )
    return math.dist(point, near)


def _point(array: NDArray[Any]) -> _Point:
    return float(array[0]), float(array[1])


def _is_name(text: Element) -> bool:
    try:
        float(text.text.rstrip("%"))
    except ValueError:
        return True
    return False
