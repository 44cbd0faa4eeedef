"""The names along the category axis."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from thinkimg_eval.synthcharts.planner.axes import Axis, Direction
from thinkimg_eval.synthcharts.planner.places import Box
from thinkimg_eval.synthcharts.planner.texts import Span, likeness, well_spelled

_REACH = 0.25
"""How far from the data, in parts of the image, names may begin."""
_ALIKE = 0.65
_STRAY = re.compile(r"^[\s\-\u2013_|.'`,~]+|[\s\-\u2013_|'`,:~.]+$")
"""What OCR makes of the tick beside a name."""


@dataclass(frozen=True)
class Label:
    """The name of a category, and where it stands along the axis."""

    name: str
    place: float
    box: Box
    """Where it is written, at times with others."""


def labels_along(
    spans: Sequence[Span], data: Box, direction: Direction, axis: Axis | None, pitch: float = 0.0
) -> list[Label]:
    """The names under the data (x) or to the left of it (y), in the order they stand in.

    `axis`: of the values, whose ticks are no names. `pitch`: from one bar to the next,
    by which names that OCR has read as one are told apart.
    """
    ticks = {id(tick) for tick in axis.ticks} if axis is not None else set()
    free = [span for span in spans if id(span) not in ticks]
    if direction == "x":
        row = [replace(span, text=well_spelled(span, free)) for span in _under(free, data)]
        labels = [label for span in row for label in _split(span, pitch)]
    else:
        column = _left_of(free, data)
        labels = [Label(clean(well_spelled(span, free)), span.box.y, span.box) for span in column]
    return sorted(labels, key=lambda one: one.place)


def named(name: str, labels: Sequence[Label]) -> Label | None:
    """The label that says a name, as OCR may have misread it."""
    best = max(labels, key=lambda one: likeness(name, one.name), default=None)
    return best if best is not None and likeness(name, best.name) >= _ALIKE else None


def clean(name: str) -> str:
    """A name without the ticks and accents that OCR has added to it."""
    letters = unicodedata.normalize("NFKD", _STRAY.sub("", name))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _under(spans: Sequence[Span], data: Box) -> list[Span]:
    """The first row below."""
    below = [
        span
        for span in spans
        if data.y1 - 0.5 * span.box.height < span.box.y0 < data.y1 + _REACH
        and data.x0 - 0.1 < span.box.x < data.x1 + 0.1
    ]
    first = min((span.box.y0 for span in below), default=0.0)
    flat = sorted(span.box.height for span in below if not span.upright)
    line = flat[len(flat) // 2] if flat else 0.04
    return [span for span in below if span.box.y0 - first < 0.7 * line]


def _split(span: Span, pitch: float) -> list[Label]:
    """One name, or several that stand too close for OCR."""
    words = clean(span.text).split()
    if len(words) < 2 or (pitch and span.box.width < (len(words) - 0.7) * pitch):
        return [Label(clean(span.text), span.box.x, span.box)]
    length = sum(map(len, words)) + len(words) - 1
    labels, at = [], 0
    for word in words:
        middle = (at + len(word) / 2) / length
        labels.append(Label(word, span.box.x0 + middle * span.box.width, span.box))
        at += len(word) + 1
    return labels


def _left_of(spans: Sequence[Span], data: Box) -> list[Span]:
    """The column that ends nearest to the data."""
    left = [
        span
        for span in spans
        if data.x0 - _REACH < span.box.x1 < data.x0 + 0.03
        and data.y0 - 0.02 < span.box.y < data.y1 + 0.02
        and not span.upright
    ]
    edge = max((span.box.x1 for span in left), default=0.0)
    return [span for span in left if edge - span.box.x1 < 0.05]
