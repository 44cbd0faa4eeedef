"""The names along the category axis."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from thinkimg_eval.synthcharts.planner.axes import Direction
from thinkimg_eval.synthcharts.planner.places import Box, overlap, union_of
from thinkimg_eval.synthcharts.planner.texts import Span, likeness

_REACH = 0.25
"""How far from the data, in parts of the image, names may begin."""
_STRAY = re.compile(r"^[\s\-\u2013_|.'`,]+|[\s\-\u2013_|'`,:]+$")
"""What OCR makes of the tick beside a name."""


@dataclass(frozen=True)
class Label:
    """The name of a category, and where it stands along the axis."""

    name: str
    place: float
    box: Box


def labels_along(spans: Sequence[Span], data: Box, direction: Direction) -> list[Label]:
    """The names under the data (x) or to the left of it (y), in the order they stand in."""
    near = _under(spans, data) if direction == "x" else _left_of(spans, data)
    labels = [_label(group, direction) for group in near]
    return sorted(labels, key=lambda one: one.place)


def named(name: str, labels: Sequence[Label]) -> Label | None:
    """The label that says a name, as OCR may have misread it."""
    best = max(labels, key=lambda one: likeness(name, one.name), default=None)
    return best if best is not None and likeness(name, best.name) >= 0.6 else None


def clean(name: str) -> str:
    """A name without the ticks that OCR has taken for parts of it."""
    return _STRAY.sub("", name)


def _under(spans: Sequence[Span], data: Box) -> list[list[Span]]:
    below = [
        span
        for span in spans
        if data.y1 - 0.5 * span.box.height < span.box.y0 < data.y1 + _REACH
        and data.x0 - 0.1 < span.box.x < data.x1 + 0.1
    ]
    first = min((span.box.y0 for span in below), default=0.0)
    flat = sorted(span.box.height for span in below if not span.upright)
    line = flat[len(flat) // 2] if flat else 0.04
    row = [span for span in below if span.box.y0 - first < 0.7 * line]
    return [[span, *_lines_under(span, below, row, line)] for span in row]


def _lines_under(span: Span, below: Sequence[Span], row: Sequence[Span], line: float) -> list[Span]:
    """Further lines of a name that is broken: only where its neighbours leave them room."""
    if len(row) < 2:
        return []
    gap = min(abs(span.box.x - other.box.x) for other in row if other is not span)
    more: list[Span] = []
    foot = span.box.y1
    for other in sorted(below, key=lambda one: one.box.y0):
        centred = abs(other.box.x - span.box.x) < 0.25 * gap
        next_line = -0.5 * line < other.box.y0 - foot < 0.3 * line
        if other not in row and centred and next_line and other.box.width < 1.2 * gap:
            more.append(other)
            foot = other.box.y1
    return more


def _left_of(spans: Sequence[Span], data: Box) -> list[list[Span]]:
    left = [
        span
        for span in spans
        if data.x0 - _REACH < span.box.x1 < data.x0 + 0.03
        and data.y0 - 0.02 < span.box.y < data.y1 + 0.02
        and not span.upright
    ]
    edge = max((span.box.x1 for span in left), default=0.0)
    column = sorted(
        (span for span in left if edge - span.box.x1 < 0.05), key=lambda one: one.box.y0
    )
    groups: list[list[Span]] = []
    for span in column:
        last = groups[-1][-1].box if groups else None
        if last and overlap(last.y0, last.y1, span.box.y0, span.box.y1) > -0.25 * last.height:
            groups[-1].append(span)
        else:
            groups.append([span])
    return groups


def _label(group: Sequence[Span], direction: Direction) -> Label:
    box = union_of([span.box for span in group])
    name = clean(" ".join(span.text for span in group))
    return Label(name, box.x if direction == "x" else box.y, box)
