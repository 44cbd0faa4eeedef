"""What is in a chart, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from thinkimg_eval.charts.numbers import Numbers

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels: origin top left, y down."""

Polygon = NDArray[np.float32]
"""(N, 2) corners in pixels, the last not repeated."""

Role = Literal[
    "title",
    "x_label",
    "y_label",
    "x_tick",
    "y_tick",
    "legend",
    "legend_entry",
    "plot_area",
    "bar",
    "line",
    "wedge",
    "marker",
    "panel",
    "panel_title",
    "annotation",
]


@dataclass(frozen=True, eq=False)
class Element:
    """One thing in a chart. Text is "" and value None where it has none."""

    role: Role
    box: Box
    text: str = ""
    """What is written there; of a panel, its title."""
    series: str = ""
    category: str = ""
    color_name: str = ""
    """What a person would call its colour."""
    value: float | None = None
    polygon: Polygon | None = None
    """The outline of a bar, a line's stroke, a wedge or a marker."""
    panel: int = 0
    """Which of the chart's `numbers` it shows, from 0."""


@dataclass(frozen=True, eq=False)
class Chart:
    """A picture of numbers, and what is known of it."""

    pixels: NDArray[np.uint8]
    """(H, W, 3) RGB."""
    kind: str
    elements: tuple[Element, ...]
    numbers: tuple[Numbers, ...]
    """What was drawn, one for each panel."""

    def with_role(self, role: Role) -> tuple[Element, ...]:
        return tuple(element for element in self.elements if element.role == role)
