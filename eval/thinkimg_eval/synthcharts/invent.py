"""Inventing a chart: what it is about, its numbers and its look."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from thinkimg_eval.charts import NamedColor, Numbers, Series
from thinkimg_eval.charts.painting import Sheet
from thinkimg_eval.charts.styles import LegendPlace
from thinkimg_eval.synthcharts.looks import choose_synthetic_look, order_colors
from thinkimg_eval.synthcharts.plan import ChartPlan, Panel
from thinkimg_eval.synthcharts.subjects import SUBJECTS, Subject
from thinkimg_eval.synthcharts.values import (
    HIGH,
    WRITTEN_HIGH,
    choose_scale,
    scattered,
    shares,
    spaced_rows,
    spaced_values,
    unit_of,
)

_KINDS = {
    "bar": 19, "horizontal_bar": 15, "grouped_bar": 12, "stacked_bar": 14,
    "line": 13, "pie": 10, "scatter": 11, "panels": 12,
}  # fmt: skip
"""How often each kind is drawn, so that every family of questions is asked about as often."""


def invent_chart(rng: random.Random) -> ChartPlan:
    """Any chart."""
    kind = rng.choices([*_KINDS], [*_KINDS.values()])[0]
    # What has an order is a line, or bars that follow each other.
    subjects = [each for each in SUBJECTS if not each.ordered or kind in _ORDERED]
    if kind == "line":
        subjects += [each for each in SUBJECTS if each.ordered] * 4
    return _Invention(kind, rng.choice(subjects), rng).plan()


_ORDERED = ("bar", "grouped_bar", "line", "panels")


class _Invention:
    """One chart in the making."""

    def __init__(self, kind: str, subject: Subject, rng: random.Random) -> None:
        self._kind = kind
        self._subject = subject
        self._rng = rng
        self._look = choose_synthetic_look(rng)
        self._colors = order_colors(self._look.palette, rng)
        self._title = rng.choice(subject.titles)
        self._value = rng.choice(subject.values)

    def plan(self) -> ChartPlan:
        rng, kind = self._rng, self._kind
        written = kind in ("stacked_bar", "pie") or (
            kind in ("bar", "horizontal_bar", "panels") and rng.random() < 0.6
        )
        panels = self._panels(written) if kind == "panels" else (self._single(kind, written),)
        return ChartPlan(
            kind=kind,
            noun=self._subject.noun,
            ordered=self._subject.ordered,
            headline=self._title if kind == "panels" and rng.random() < 0.5 else "",
            panels=panels,
            sheet=_cut_panels(len(panels), rng) if kind == "panels" else _cut(rng),
            look=replace(self._look, values_written=written),
            slant=rng.choice((30, 45, 90)),
        )

    def _single(self, kind: str, written: bool) -> Panel:
        match kind:
            case "pie":
                return self._pie()
            case "scatter":
                return self._scatter()
            case "line":
                return self._lines()
            case "grouped_bar" | "stacked_bar":
                return self._many_bars(kind)
            case _:
                return self._bars(kind, written)

    def _bars(self, kind: str, written: bool) -> Panel:
        rng = self._rng
        categories = self._categories(rng.randint(5, 10))
        scale = choose_scale(rng)
        values = spaced_values(len(categories), scale, rng, high=_highest(kind, written))
        colors: tuple[NamedColor, ...] = ()
        if len(categories) <= len(self._colors) and rng.random() < 0.4:
            colors = tuple(self._colors[: len(categories)])
        series = (Series(self._value, self._colors[0], values),)
        return Panel(
            self._numbers(kind, categories, series, colors),
            scale,
            written=written,
            legend=self._legend_place() if colors else None,
        )

    def _many_bars(self, kind: str) -> Panel:
        rng = self._rng
        count = rng.randint(3, 4) if kind == "grouped_bar" else rng.randint(2, 3)
        scale = choose_scale(rng)
        if kind == "grouped_bar":
            categories = self._categories(rng.randint(3, 6 if count == 3 else 5))
            rows = [spaced_values(len(categories), scale, rng) for _ in range(count)]
        else:
            categories = self._categories(rng.randint(5, 7))
            high = 0.44 if count == 2 else 0.31
            rows = [
                spaced_values(len(categories), scale, rng, gap=0.02, low=0.1, high=high)
                for _ in range(count)
            ]
        numbers = self._numbers(kind, categories, self._series(rows))
        return Panel(numbers, scale, written=kind == "stacked_bar", legend=self._legend_place())

    def _lines(self) -> Panel:
        rng = self._rng
        count = rng.choice((1, 2, 3, 3, 4))
        scale = choose_scale(rng, from_zero=False)
        categories = self._categories(rng.randint(5, 10 if count < 3 else 8))
        rows = spaced_rows(count, len(categories), scale, rng)
        legend = self._legend_place() if count > 1 else None
        return Panel(self._numbers("line", categories, self._series(rows)), scale, legend=legend)

    def _pie(self) -> Panel:
        rng = self._rng
        categories = self._categories(rng.randint(5, min(8, len(self._colors))))
        colors = tuple(self._colors[: len(categories)])
        series = (Series(self._value, colors[0], shares(len(categories), rng)),)
        beside = rng.random() < 0.4
        legend = None if beside else self._legend_place(inside=False)
        numbers = self._numbers("pie", categories, series, colors)
        return Panel(numbers, written=True, legend=legend, named_beside=beside)

    def _scatter(self) -> Panel:
        rng = self._rng
        scale, x_scale = choose_scale(rng), choose_scale(rng)
        clouds = None
        while clouds is None:
            counts = [rng.randint(2, 13) for _ in range(rng.randint(3, 4))]
            clouds = scattered(counts, 0.06, rng)
        names = rng.sample(self._subject.series, k=len(clouds))
        series = tuple(
            Series(
                name,
                color,
                values=tuple(_on_grid(y * scale.top, unit_of(scale)) for _, y in cloud),
                x=tuple(_on_grid(x * x_scale.top, unit_of(x_scale)) for x, _ in cloud),
            )
            for name, color, cloud in zip(names, self._colors, clouds, strict=False)
        )
        numbers = self._numbers("scatter", (), series)
        other = rng.choice([each for each in ("Price", "Size", "Age", "Weight", "Time")
                            if each != self._value])  # fmt: skip
        numbers = replace(numbers, x_label=other)
        return Panel(numbers, scale, x_scale, legend=self._legend_place())

    def _panels(self, written: bool) -> tuple[Panel, ...]:
        rng = self._rng
        count = rng.choice((3, 4, 6))
        kinds = ["bar", "line", "horizontal_bar"]
        if not self._subject.ordered:
            kinds.append("pie")
        if rng.random() < 0.4:
            kinds = [rng.choice(("bar", "line", "horizontal_bar"))]
        categories = self._categories(rng.randint(4, 6))
        titles = rng.sample(self._subject.series, k=count)
        return tuple(
            self._panel(rng.choice(kinds), title, color, categories, written)
            for title, color in zip(titles, self._colors, strict=False)
        )

    def _panel(
        self,
        kind: str,
        title: str,
        color: NamedColor,
        categories: tuple[str, ...],
        written: bool,
    ) -> Panel:
        rng = self._rng
        if kind == "pie":
            series = (Series(title, color, shares(len(categories), rng)),)
            colors = tuple(self._colors[: len(categories)])
            numbers = Numbers("pie", title, "", "", categories, series, colors)
            return Panel(numbers, written=written, named_beside=True)
        scale = choose_scale(rng)
        values = spaced_values(len(categories), scale, rng, high=_highest(kind, written))
        series = (Series(title, color, values),)
        numbers = Numbers(kind, title, "", "", categories, series)
        return Panel(numbers, scale, written=written and kind != "line")

    def _categories(self, count: int) -> tuple[str, ...]:
        names = self._subject.categories
        if not self._subject.ordered:
            return tuple(self._rng.sample(names, k=count))
        start = self._rng.randrange(len(names) // 2 + 1)
        return names[start : start + count]

    def _series(self, rows: Sequence[Sequence[float]]) -> tuple[Series, ...]:
        if len(rows) == 1:
            return (Series(self._value, self._colors[0], tuple(rows[0])),)
        names = self._rng.sample(self._subject.series, k=len(rows))
        return tuple(
            Series(name, color, tuple(row))
            for name, color, row in zip(names, self._colors, rows, strict=False)
        )

    def _numbers(
        self,
        kind: str,
        categories: tuple[str, ...],
        series: tuple[Series, ...],
        colors: tuple[NamedColor, ...] = (),
    ) -> Numbers:
        label, value = self._subject.label, self._value
        if self._rng.random() < 0.3:
            label = ""
        lying = kind == "horizontal_bar"
        x_label, y_label = (value, label) if lying else (label, value)
        return Numbers(kind, self._title, x_label, y_label, categories, series, colors)

    def _legend_place(self, *, inside: bool = True) -> LegendPlace:
        place = self._look.legend_place
        return "right" if place == "inside" and not inside else place


def _cut(rng: random.Random) -> Sheet:
    width = rng.randint(520, 1060)
    height = min(800, max(400, round(width / rng.uniform(1.05, 1.65))))
    font_px = min(20.0, max(13.0, min(width, height * 1.4) / 50 * rng.uniform(0.9, 1.25)))
    return Sheet(width, height, round(font_px, 1))


def _cut_panels(count: int, rng: random.Random) -> Sheet:
    rows, columns = rng.choice({3: ((1, 3), (3, 1)), 4: ((2, 2),), 6: ((2, 3), (3, 2))}[count])
    width = min(1100, max(520, rng.randint(300, 380) * columns))
    return Sheet(width, rng.randint(270, 340) * rows, rng.randint(12, 14), rows, columns)


def _highest(kind: str, written: bool) -> float:
    """Where bars end at most: what is written behind a lying one takes more room."""
    return WRITTEN_HIGH if written and kind == "horizontal_bar" else HIGH


def _on_grid(value: float, unit: float) -> float:
    return round(round(value / unit) * unit, 1)
