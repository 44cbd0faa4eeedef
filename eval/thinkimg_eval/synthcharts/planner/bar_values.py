"""What the bars of a chart stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from thinkimg_eval.synthcharts.planner.bars import Bars, read_bars
from thinkimg_eval.synthcharts.planner.categories import Label
from thinkimg_eval.synthcharts.planner.places import Box, union_of
from thinkimg_eval.synthcharts.planner.texts import Span
from thinkimg_eval.synthcharts.planner.values import SURE, Tip, Value, value_labels

_NAMED = 0.6
"""So many of the bars have a name, or the names were not read."""
_ASIDE = 0.75
"""How far from the middle of a bar, in parts of its thickness, a number on it may be."""


def bar_values(
    boxes: Sequence[Box], spans: Sequence[Span], aspect: float, *, every: bool = False
) -> list[Value]:
    """The value of each bar that has a name, in the order of the names.

    `aspect`: width over height of the picture. `every`: not only the one nearest to
    each name.
    """
    bars = read_bars(boxes, spans)
    if bars is None:
        return []
    numbers = value_labels(spans, union_of(bars.boxes))
    if every:
        return [_value_of(None, box, bars, numbers, aspect) for box in bars.boxes]
    values = []
    for label in bars.labels:
        box = bars.at(label)
        if box is not None:
            values.append(_value_of(label, box, bars, numbers, aspect))
    return values if len(values) >= _NAMED * len(bars.boxes) else []


def _value_of(
    label: Label | None, box: Box, bars: Bars, numbers: Sequence[Span], aspect: float
) -> Value:
    value = _measured(box, bars, numbers, aspect)
    return (
        replace(value, mark=box)
        if label is None
        else replace(value, name=label.name, label=label.box, mark=box)
    )


def _measured(box: Box, bars: Bars, numbers: Sequence[Span], aspect: float) -> Value:
    written = _written_at(box, bars, numbers, aspect)
    if written is not None and written.number is not None:
        return Value("", written.number, written.text.replace(" ", ""))
    measured, tip = bars.value(box), Tip(bars.direction, bars.tip(box))
    if measured is None:
        return Value("", bars.length(box), sure=False, tip=tip)
    sure = bars.axis is not None and len(bars.axis.ticks) >= SURE
    return Value("", measured, sure=sure, tip=tip)


def _written_at(box: Box, bars: Bars, numbers: Sequence[Span], aspect: float) -> Span | None:
    """The number on a bar, or just beyond its tip."""
    on_it, beyond_it = [], []
    for span in numbers:
        if bars.upright:
            aside = abs(span.box.x - box.x) / box.width
            beyond, size = box.y0 - span.box.y, span.box.height
        else:
            aside = abs(span.box.y - box.y) / box.height
            beyond, size = span.box.x0 - box.x1, span.box.height / aspect
        if aside > _ASIDE:
            continue
        if box.has_middle_of(span.box):
            on_it.append((aside, span))
        elif -size < beyond < 1.5 * size:
            beyond_it.append((aside, span))
    # What stands beyond a part of a stack belongs to the next part.
    return min(on_it or beyond_it, key=lambda one: one[0], default=(0.0, None))[1]
