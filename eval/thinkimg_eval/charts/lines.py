"""Lines over categories."""

from __future__ import annotations

from matplotlib.axes import Axes

from thinkimg_eval.charts.drawn import Drawn
from thinkimg_eval.charts.numbers import Numbers
from thinkimg_eval.charts.styles import Look


def draw_lines(axes: Axes, numbers: Numbers, look: Look) -> list[Drawn]:
    """One line for each series."""
    ticks = range(len(numbers.categories))
    drawn = []
    for order, series in enumerate(numbers.series):
        marker = look.markers[order % len(look.markers)] if look.line_markers else ""
        [line] = axes.plot(ticks, series.values, color=series.color.hexadecimal, marker=marker)
        drawn.append(Drawn("line", line, series=series.name, color_name=series.color.name))
    axes.set_xticks(ticks, numbers.categories)
    axes.margins(y=0.12)
    return drawn
