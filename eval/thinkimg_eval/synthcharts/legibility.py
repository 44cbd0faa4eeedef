"""What can still be made out in a view: words, which should not, and colours, which should."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from thinkimg_eval.charts import Chart, Element
from thinkimg_eval.synthcharts.plan import ChartPlan
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_rpc.imaging.rgb import Pixels, known_uint8
from thinkimg_rpc.v1 import OCRRequest

_ENLARGED = (1, 3)
"""OCR may read a small view as it is and larger; the better reading counts."""
_SMALL_SIDE = 400
_SURE = 0.5
_LONGEST_READ_S = 120.0
_STANDS_OUT = 12.0
"""So different from the paper, in Lab, that it is seen."""
_WORD = re.compile(r"\w+(?:\.\w+)?")


@dataclass(frozen=True, eq=False)
class Viewed:
    """A chart, and what is shown of it."""

    plan: ChartPlan
    chart: Chart
    view: Pixels


async def words_read(charts: Sequence[Viewed], mesh: Mesh) -> float:
    """The word recall of the mesh's OCR."""
    found = there = 0
    for viewed in charts:
        elements = viewed.chart.elements
        written = _words(element.text for element in elements if _is_text(element))
        best = 0
        for factor in _ENLARGED if max(viewed.view.shape) < _SMALL_SIDE else (1,):
            large = cv2.resize(
                viewed.view, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC
            )
            image = mesh.image(encode_png(known_uint8(large)))
            response = await mesh.ocr(OCRRequest(image=image), timeout_s=_LONGEST_READ_S)
            read = _words(span.text for span in response.spans if span.score >= _SURE)
            best = max(best, (written & read).total())
        found += best
        there += written.total()
    return found / there


def _is_text(element: Element) -> bool:
    return bool(element.text) and element.role not in ("panel", "legend")


def _words(texts: Iterable[str]) -> Counter[str]:
    return Counter(word for text in texts for word in _WORD.findall(text.casefold()))


def colors_told(charts: Sequence[Viewed]) -> float:
    """Of all bars, lines, wedges and markers: those that stand out from the paper in the
    view, and look more like their own colour than like another of the chart."""
    told = marks = 0
    for viewed in charts:
        look, elements = viewed.plan.look, viewed.chart.elements
        paper = _rgb(look.paper)
        used = {element.color_name for element in elements}
        colors = {each.name: _rgb(each.hexadecimal) for each in look.palette if each.name in used}
        for mark in elements:
            if mark.role not in ("bar", "line", "wedge", "marker"):
                continue
            part, color = _where_most(mark, viewed.chart.pixels, viewed.view)
            mixed = {name: rgb * part + paper * (1 - part) for name, rgb in colors.items()}
            nearest = min(mixed, key=lambda name: _apart(mixed[name], color))
            marks += 1
            told += nearest == mark.color_name and _apart(color, paper) >= _STANDS_OUT
    return told / marks


def _where_most(mark: Element, pixels: Pixels, view: Pixels) -> tuple[float, NDArray[Any]]:
    """Where a mark fills pixels of the view most: how much of them, and their mean colour."""
    assert mark.polygon is not None
    mask = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(mark.polygon - 0.5).astype(np.int32)], 255)
    height, width = view.shape[:2]
    filled = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA) / 255
    most = filled >= 0.7 * filled.max()
    return float(filled[most].mean()), view[most].mean(axis=0)


def _apart(one: NDArray[Any], other: NDArray[Any]) -> float:
    """The distance of two colours in Lab."""
    pair = np.array([[one, other]], np.float32) / 255
    [[a, b]] = cv2.cvtColor(pair, cv2.COLOR_RGB2LAB)
    return float(np.linalg.norm(a - b))


def _rgb(hexadecimal: str) -> NDArray[Any]:
    return np.array(list(bytes.fromhex(hexadecimal.removeprefix("#"))), float)
