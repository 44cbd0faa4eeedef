"""Charts drawn with matplotlib, with the place, the colour and the value of all they show.

    chart = draw_chart(7, kind="grouped_bar")
    chart.pixels                      # (H, W, 3) uint8 RGB
    chart.with_role("legend")[0].box  # (x0, y0, x1, y1) in pixels
    chart.numbers[0].series[0].values

The same seed, kind and style give the same chart with the same matplotlib.
"""

from __future__ import annotations

from thinkimg_eval.charts.draw import KINDS, draw_chart
from thinkimg_eval.charts.elements import Box, Chart, Element
from thinkimg_eval.charts.numbers import NamedColor, Numbers, Series
from thinkimg_eval.charts.styles import STYLES

__all__ = [
    "KINDS",
    "STYLES",
    "Box",
    "Chart",
    "Element",
    "NamedColor",
    "Numbers",
    "Series",
    "draw_chart",
]
