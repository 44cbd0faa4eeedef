"""Drawn charts as a perfect reader of text would see them."""

from __future__ import annotations

from functools import cache

import numpy as np

from thinkimg_eval.charts import Chart, Element, draw_chart
from thinkimg_workers.grounding.detector import Found, Search
from thinkimg_workers.grounding.scene import Scene
from thinkimg_workers.text_line import TextLine

_WRITTEN = ("title", "x_label", "y_label", "x_tick", "y_tick", "panel_title", "annotation")


@cache
def chart(seed: int, kind: str, style: str = "develop") -> Chart:
    return draw_chart(seed, kind=kind, style=style)


def lines_of(drawn: Chart) -> list[TextLine]:
    """Its text, where it is."""
    lines = [_line(each, each.box) for each in drawn.elements if each.role in _WRITTEN]
    for entry in drawn.with_role("legend_entry"):
        x0, y0, x1, y1 = entry.box
        swatch = 2.2 * (y1 - y0)
        lines.append(_line(entry, (min(x0 + swatch, x1 - 2), y0, x1, y1)))
    return lines


def _line(element: Element, box: tuple[float, float, float, float]) -> TextLine:
    x0, y0, x1, y1 = box
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32)
    if y1 - y0 > 1.5 * (x1 - x0) and len(element.text) > 2:  # it reads upwards
        corners = np.roll(corners, 1, axis=0)
    return TextLine(element.text, corners, 1.0)


def scene_of(drawn: Chart) -> Scene:
    return Scene(drawn.pixels, lines_of(drawn), lambda: None)


def search_for(query: str, drawn: Chart, box_threshold: float = 0.3) -> Search:
    return Search(drawn.pixels, query, box_threshold, 0.25, lambda: lines_of(drawn), lambda: None)


def overlaps(found: Found, element: Element) -> bool:
    """Whether they have half of what they cover in common."""
    one, other = found.box, element.box
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared >= 0.5 * (area(one) + area(other) - shared)


def area(box: tuple[float, float, float, float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
