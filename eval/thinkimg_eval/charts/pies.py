"""Pies: one wedge for each category."""

from __future__ import annotations

from matplotlib.axes import Axes

from thinkimg_eval.charts.drawn import Drawn, text_drawn
from thinkimg_eval.charts.numbers import Numbers
from thinkimg_eval.charts.styles import Look


def draw_pie(axes: Axes, numbers: Numbers, look: Look, *, labelled: bool) -> list[Drawn]:
    """One wedge for each category; labelled: with its name beside it."""
    [series] = numbers.series
    labels = numbers.categories if labelled else None
    wedges, *texts = axes.pie(
        series.values,
        labels=labels,
        colors=[color.hexadecimal for color in numbers.category_colors],
        autopct="%.0f%%" if look.values_written else None,
        wedgeprops={"edgecolor": look.paper, "linewidth": 1} if look.bar_edge else {},
    )
    if look.values_written:
        for text, color in zip(texts[-1], numbers.category_colors, strict=True):
            text.set_color(look.ink_on(color.hexadecimal))
    drawn = [
        Drawn("wedge", wedge, category=category, color_name=color.name, value=value)
        for wedge, category, color, value in zip(
            wedges, numbers.categories, numbers.category_colors, series.values, strict=True
        )
    ]
    for text in (text for some in texts for text in some):
        drawn += text_drawn("annotation", text)
    return drawn
