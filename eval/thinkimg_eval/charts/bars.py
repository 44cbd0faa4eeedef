"""Bars: upright, lying, in groups and in stacks."""

from __future__ import annotations

from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.container import BarContainer

from thinkimg_eval.charts.drawn import Drawn
from thinkimg_eval.charts.numbers import NamedColor, Numbers
from thinkimg_eval.charts.styles import Look


def draw_bars(axes: Axes, numbers: Numbers, look: Look) -> list[Drawn]:
    """One bar for each category and series."""
    lying = numbers.kind == "horizontal_bar"
    grouped = numbers.kind == "grouped_bar"
    count = len(numbers.series)
    width = look.bar_width / count if grouped else look.bar_width
    base = [0.0] * len(numbers.categories)
    drawn = []
    for order, series in enumerate(numbers.series):
        shift = (order - (count - 1) / 2) * width if grouped else 0.0
        places = [index + shift for index in range(len(numbers.categories))]
        colors = numbers.category_colors or (series.color,) * len(places)
        bars = _bars(axes, places, series.values, width, base, colors, look, lying)
        if numbers.kind == "stacked_bar":
            base = [low + value for low, value in zip(base, series.values, strict=True)]
        drawn += [
            Drawn(
                "bar", patch, series=series.name, category=category,
                color_name=color.name, value=value,
            )
            for patch, category, color, value in zip(
                bars.patches, numbers.categories, colors, series.values, strict=True
            )
        ]  # fmt: skip
        if look.values_written and numbers.kind != "grouped_bar":
            where: Literal["center", "edge"] = "center" if numbers.kind == "stacked_bar" else "edge"
            labels = axes.bar_label(
                bars, fmt="{:g}", label_type=where, padding=look.label_gap_points
            )
            if where == "center":
                for label, color in zip(labels, colors, strict=True):
                    label.set_color(look.ink_on(color.hexadecimal))
            drawn += [Drawn("annotation", label, text=label.get_text()) for label in labels]
    _set_ticks(axes, numbers, lying)
    return drawn


def _bars(
    axes: Axes,
    places: list[float],
    lengths: tuple[float, ...],
    width: float,
    base: list[float],
    colors: tuple[NamedColor, ...],
    look: Look,
    lying: bool,
) -> BarContainer:
    fills = [color.hexadecimal for color in colors]
    edge: dict[str, Any] = {"edgecolor": look.ink, "linewidth": 0.8} if look.bar_edge else {}
    if lying:
        return axes.barh(places, lengths, height=width, left=base, color=fills, **edge)
    return axes.bar(places, lengths, width=width, bottom=base, color=fills, **edge)


def _set_ticks(axes: Axes, numbers: Numbers, lying: bool) -> None:
    ticks = range(len(numbers.categories))
    if lying:
        axes.set_yticks(ticks, numbers.categories)
        axes.invert_yaxis()
        axes.margins(x=0.12)
    else:
        axes.set_xticks(ticks, numbers.categories)
        axes.margins(y=0.12)
