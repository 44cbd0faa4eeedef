"""The chart every row works on: drawn here, the same on every machine."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from thinkimg_rpc.imaging.codec import Pixels, encode_png

WIDTH, HEIGHT = 1280, 960

_LEFT, _TOP, _RIGHT, _BOTTOM = 120, 110, 1230, 830
_GROUPS = ("2014", "2015", "2016", "2017", "2018", "2019", "2020", "2021")
_SERIES = (
    ("Coal", (78, 121, 167), (61, 58, 52, 49, 47, 40, 33, 36)),
    ("Gas", (242, 142, 43), (27, 33, 34, 32, 35, 38, 40, 38)),
    ("Wind and solar", (89, 161, 79), (5, 6, 7, 9, 10, 11, 13, 15)),
)
_TOP_VALUE, _TICK = 70, 10
_INK, _FAINT = (40, 40, 40), (221, 221, 221)


@cache
def chart_png() -> bytes:
    """A bar chart with title, axes, grid, labels and legend, 1280x960, as a PNG."""
    return encode_png(draw_chart())


def draw_chart() -> Pixels:
    """The chart's pixels, (960, 1280, 3) uint8 RGB."""
    canvas = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    _write(canvas, "Electricity by source, share of generation", (_LEFT, 60), 1.1)
    _draw_axes(canvas)
    _draw_bars(canvas)
    _draw_legend(canvas)
    _write(canvas, "Source: made-up figures, drawn for a benchmark", (_LEFT, HEIGHT - 25), 0.5)
    return canvas


def _draw_axes(canvas: Pixels) -> None:
    for value in range(0, _TOP_VALUE + 1, _TICK):
        y = _y_of(value)
        cv2.line(canvas, (_LEFT, y), (_RIGHT, y), _FAINT, 1, cv2.LINE_AA)
        _write(canvas, f"{value}%", (_LEFT - 65, y + 7), 0.6)
    cv2.line(canvas, (_LEFT, _TOP), (_LEFT, _BOTTOM), _INK, 2)
    cv2.line(canvas, (_LEFT, _BOTTOM), (_RIGHT, _BOTTOM), _INK, 2)


def _draw_bars(canvas: Pixels) -> None:
    group_width = (_RIGHT - _LEFT) / len(_GROUPS)
    bar_width = int(group_width * 0.8 / len(_SERIES))
    for index, group in enumerate(_GROUPS):
        left = int(_LEFT + index * group_width + group_width * 0.1)
        for number, (_, color, values) in enumerate(_SERIES):
            x, y = left + number * bar_width, _y_of(values[index])
            cv2.rectangle(canvas, (x, y), (x + bar_width - 3, _BOTTOM), color, -1, cv2.LINE_AA)
            _write(canvas, str(values[index]), (x + 6, y - 8), 0.5)
        _write(canvas, group, (left + bar_width - 8, _BOTTOM + 32), 0.65)


def _draw_legend(canvas: Pixels) -> None:
    x = _LEFT
    for name, color, _ in _SERIES:
        cv2.rectangle(canvas, (x, 880), (x + 22, 902), color, -1)
        _write(canvas, name, (x + 32, 898), 0.6)
        x += 60 + 13 * len(name)


def _write(canvas: Pixels, text: str, origin: tuple[int, int], scale: float) -> None:
    cv2.putText(canvas, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, _INK, 1, cv2.LINE_AA)


def _y_of(value: float) -> int:
    return int(_BOTTOM - (_BOTTOM - _TOP) * value / _TOP_VALUE)
