"""Values, and the numbers that are written in a chart for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thinkimg_eval.synthcharts.planner.axes import Direction, value_axis
from thinkimg_eval.synthcharts.planner.places import Box
from thinkimg_eval.synthcharts.planner.texts import Span
from thinkimg_eval.synthcharts.planner.written_numbers import write_number

_AROUND = 0.06
"""How far outside the data, in parts of the picture, a number may belong to them."""
_DIGITS = 3


@dataclass(frozen=True)
class Value:
    """What a chart says of a category."""

    name: str
    value: float
    written: str = ""
    """As it stands there; empty if it was measured."""
    place: Box | None = None
    """What it is drawn with."""

    @property
    def text(self) -> str:
        """As an answer: as it is written, a share without its sign, else three digits."""
        return self.written.rstrip("%") or rounded(self.value)


def rounded(value: float) -> str:
    """Three digits of a number."""
    return write_number(float(f"{value:.{_DIGITS}g}"), 6)


def value_labels(spans: Sequence[Span], data: Box | None = None) -> list[Span]:
    """The numbers that are no ticks: what is written at bars, points and slices."""
    ticks: set[int] = set()
    directions: tuple[Direction, ...] = ("x", "y")
    for direction in directions:
        axis = value_axis(spans, direction, data)
        if axis is not None and len(axis.ticks) >= 3:
            ticks |= {id(tick) for tick in axis.ticks}
    return [
        span
        for span in spans
        if span.number is not None
        and id(span) not in ticks
        and (data is None or data.grown(_AROUND).has_middle_of(span.box))
    ]
