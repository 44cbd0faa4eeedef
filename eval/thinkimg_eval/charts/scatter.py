"""Points by two values."""

from __future__ import annotations

from matplotlib.axes import Axes

from thinkimg_eval.charts.drawn import Drawn
from thinkimg_eval.charts.numbers import Numbers
from thinkimg_eval.charts.styles import Look


def draw_scatter(axes: Axes, numbers: Numbers, look: Look, marker_px: float) -> list[Drawn]:
    """One marker for each point of each series."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    area = (marker_px * 72 / figure.dpi) ** 2
    drawn = []
    for order, series in enumerate(numbers.series):
        markers = axes.scatter(
            series.x,
            series.values,
            s=area,
            color=series.color.hexadecimal,
            marker=look.markers[order % len(look.markers)],
        )
        drawn.append(
            Drawn(
                "marker", markers, series=series.name, color_name=series.color.name,
                values=series.values,
            )
        )  # fmt: skip
    return drawn
