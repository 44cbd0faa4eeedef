"""The legend: which colour is which series or category."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.collections import PathCollection
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from thinkimg_eval.charts.drawn import Drawn
from thinkimg_eval.charts.numbers import NamedColor, Numbers
from thinkimg_eval.charts.styles import LegendPlace, Look

_OUTSIDE: dict[LegendPlace, Any] = {
    "right": "outside right upper",
    "top": "outside upper center",
    "bottom": "outside lower center",
}
_INSIDE_HEADROOM = 1.35
"""How much taller the plot area gets for a legend in it."""


def add_legend(
    axes: Axes, numbers: Numbers, look: Look, drawn: Sequence[Drawn], place: LegendPlace
) -> Legend:
    """Draw a legend of the series, or of the categories where these have the colours."""
    keys = legend_keys(numbers)
    handles = [_handle(color, name, drawn) for name, color in keys]
    labels = [name for name, _ in keys]
    if place == "inside":
        _make_room(axes, numbers)
        return axes.legend(handles, labels, loc="best")
    figure = axes.get_figure(root=True)
    assert figure is not None
    columns = 1 if place == "right" else min(len(keys), 4)
    return figure.legend(handles, labels, loc=_OUTSIDE[place], ncols=columns)


def legend_keys(numbers: Numbers) -> list[tuple[str, NamedColor]]:
    """The names in the legend, and their colours."""
    if numbers.category_colors:
        return list(zip(numbers.categories, numbers.category_colors, strict=True))
    return [(series.name, series.color) for series in numbers.series]


def legend_drawn(legend: Legend, numbers: Numbers, renderer: RendererBase) -> list[Drawn]:
    """The entries, and the legend: its frame if it has one, else what is in it."""
    parts = list(zip(legend.legend_handles, legend.get_texts(), strict=True))
    entries = [
        Drawn(
            "legend_entry",
            [handle, text],
            text=name,
            series="" if numbers.category_colors else name,
            category=name if numbers.category_colors else "",
            color_name=color.name,
        )
        for (handle, text), (name, color) in zip(parts, legend_keys(numbers), strict=True)
        if handle is not None
    ]
    whole: list[Artist] = [part for entry in parts for part in entry if part is not None]
    extent = legend.get_window_extent(renderer) if legend.get_frame_on() else whole
    return [Drawn("legend", extent), *entries]


def _make_room(axes: Axes, numbers: Numbers) -> None:
    if numbers.kind == "pie":
        return
    low, high = axes.get_ylim()
    if numbers.kind == "horizontal_bar":  # its categories go down: room below the last one
        axes.set_ylim(low + (low - high) * (_INSIDE_HEADROOM - 1), high)
    else:
        axes.set_ylim(low, low + (high - low) * _INSIDE_HEADROOM)


def _handle(color: NamedColor, name: str, drawn: Sequence[Drawn]) -> Artist:
    """What stands for a key: the line or the markers themselves, a patch for the rest."""
    for one in drawn:
        if one.series == name and isinstance(one.artist, Line2D | PathCollection):
            return one.artist
    return Patch(color=color.hexadecimal)
