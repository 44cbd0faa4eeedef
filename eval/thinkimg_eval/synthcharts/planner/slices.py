"""A pie: which part of it each slice takes, and whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thinkimg_eval.synthcharts.planner.legend import SWATCHES, Entry, area_of, colors_in, entries_of
from thinkimg_eval.synthcharts.planner.paint import Color, paper_of
from thinkimg_eval.synthcharts.planner.picture import Closer, Picture, labelled
from thinkimg_eval.synthcharts.planner.places import WHOLE, Box, union_of
from thinkimg_eval.synthcharts.planner.texts import Span
from thinkimg_eval.synthcharts.planner.values import Value

_ANGLES = 720
_RIM = (0.86, 0.93)
"""Where colours are looked at, in parts of the radius: outside of what is written there."""
_SAME = 26.0
_LEAST = 0.012
"""Of the circle: less of a colour is the edge between two slices."""


@dataclass(frozen=True)
class Slice:
    """One colour of the circle."""

    color: Color
    angles: NDArray[np.bool_]
    """(720,) where it lies on the rim, from the right clockwise."""

    @property
    def share(self) -> float:
        return float(self.angles.mean())


def slice_values(picture: Picture) -> list[Value]:
    """The values of a pie's slices, or their shares. Raises: NotYetSeen."""
    spans, found = picture.texts_and("the slices", "slices", SWATCHES)
    boxes = labelled(found, "slices")
    if not boxes:
        return []
    disc = union_of(boxes)
    entries = entries_of(spans, found)
    paper = paper_of(picture.view())
    named = _colors_named(picture, entries, paper) if entries else []
    values = []
    for one in _slices(Closer(picture.view(), WHOLE), disc, paper):
        name = _by_color(one, named) if named else _by_place(one, spans, disc)
        inside = [span for span in spans if span.number is not None and _lies_on(span, one, disc)]
        number = inside[0].number if inside else None
        if name and number is not None:
            values.append(Value(name, number, inside[0].text.replace(" ", "")))
        elif name:
            values.append(Value(name, round(100 * one.share)))
    return values


def _colors_named(
    picture: Picture, entries: Sequence[Entry], paper: Color
) -> list[tuple[Color, str]]:
    """The colours in the legend, from a closer look. Raises: NotYetSeen."""
    [closer] = picture.closer("I look at the colors in the legend closely.", area_of(entries))
    pairs = zip(colors_in(closer, entries, paper), entries, strict=True)
    return [(color, entry.name) for color, entry in pairs if color is not None]


def _slices(closer: Closer, disc: Box, paper: Color) -> list[Slice]:
    colors = _rim(closer, disc)
    left = np.linalg.norm(colors - paper, axis=1) > _SAME
    slices: list[Slice] = []
    while left.any():
        # The colour with the most of the rim next.
        apart = np.linalg.norm(colors[left][:, None] - colors[left][None], axis=2) <= _SAME
        color = colors[left][apart.sum(axis=1).argmax()]
        own = left & (np.linalg.norm(colors - color, axis=1) <= _SAME)
        if own.mean() < _LEAST:
            break
        slices.append(Slice(color, own))
        left &= ~own
    return slices


def _rim(closer: Closer, disc: Box) -> NDArray[np.float64]:
    """(720, 3) the colours around the circle."""
    height, width = closer.pixels.shape[:2]
    turn = np.arange(_ANGLES) * 2 * np.pi / _ANGLES
    rings = []
    for radius in _RIM:
        x = disc.x + np.cos(turn) * disc.width / 2 * radius
        y = disc.y + np.sin(turn) * disc.height / 2 * radius
        columns = ((x - closer.box.x0) / closer.box.width * width).astype(int).clip(0, width - 1)
        rows = ((y - closer.box.y0) / closer.box.height * height).astype(int).clip(0, height - 1)
        rings.append(closer.pixels[rows, columns])
    return np.asarray(np.mean(rings, axis=0), np.float64)


def _turn_of(box: Box, disc: Box) -> tuple[int, float]:
    """Which way from the middle something lies, and how far, in radii."""
    across, down = (box.x - disc.x) / disc.width * 2, (box.y - disc.y) / disc.height * 2
    turn = int(np.arctan2(down, across) / (2 * np.pi) * _ANGLES) % _ANGLES
    return turn, float(np.hypot(across, down))


def _lies_on(span: Span, one: Slice, disc: Box) -> bool:
    turn, away = _turn_of(span.box, disc)
    return away < 0.97 and bool(one.angles[turn])


def _by_place(one: Slice, spans: Sequence[Span], disc: Box) -> str:
    """The name that stands outside, beside the slice."""
    beside = []
    for span in spans:
        turn, away = _turn_of(span.box, disc)
        if 0.97 <= away < 1.9 and span.number is None and one.angles[turn]:
            beside.append((away, span.text))
    return min(beside, default=(0.0, ""))[1]


def _by_color(one: Slice, named: Sequence[tuple[Color, str]]) -> str:
    """The name beside the colour in the legend."""
    return min(named, key=lambda pair: float(np.linalg.norm(pair[0] - one.color)))[1]
