"""Values, and the numbers that are written in a chart for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from thinkimg_eval.synthcharts.planner.axes import Direction, value_axis
from thinkimg_eval.synthcharts.planner.places import Box
from thinkimg_eval.synthcharts.planner.texts import Span, reading
from thinkimg_eval.synthcharts.planner.written_numbers import write_number

_AROUND = 0.06
"""How far outside the data, in parts of the picture, a number may belong to them."""
_DIGITS = 3
SURE = 3
"""So many ticks make an axis for sure."""


class Tip(NamedTuple):
    """The end of a bar, or a point."""

    direction: Direction
    """Of the axis that tells its value."""
    place: float


@dataclass(frozen=True)
class Value:
    """What a chart says of a category."""

    name: str
    value: float
    written: str = ""
    """As it stands there; empty if it was measured."""
    sure: bool = True
    """Whether enough of the axis was read to say so."""
    tip: Tip | None = None
    """Where what it was measured by ends."""
    label: Box | None = None
    """Where its name is written."""
    mark: Box | None = None
    """Its bar."""

    @property
    def text(self) -> str:
        return answer_text(self.written, self.value)

    @property
    def quoted(self) -> str:
        """The number that stands in the chart; empty if it was measured, where a thought does
        better without: nobody can look it up."""
        return answer_text(self.written, self.value) if self.written else ""


def answer_text(written: str, value: float) -> str:
    """A number as an answer: as it is written, a share without its sign, else three digits."""
    return written.rstrip("%") or rounded(value)


def rounded(value: float) -> str:
    """Three digits of a number."""
    return write_number(float(f"{value:.{_DIGITS}g}"), 6)


def value_labels(spans: Sequence[Span], data: Box | None = None) -> list[Span]:
    """The numbers that are no ticks: what is written at bars, points and slices."""
    ticks: set[int] = set()
    directions: tuple[Direction, ...] = ("x", "y")
    for direction in directions:
        axis = value_axis(spans, direction, data)
        if axis is not None and len(axis.ticks) >= SURE:
            ticks |= {id(tick) for tick in axis.ticks}
    return [
        span
        for span in spans
        if span.number is not None
        and id(span) not in ticks
        and (data is None or data.grown(_AROUND).has_middle_of(span.box))
    ]


def written_beside(name: str, spans: Sequence[Span]) -> Value | None:
    """The one number that stands above a name, or in its row; None where that is not sure."""
    numbers = value_labels(spans)
    axis = value_axis(spans, "y")
    upright = axis is not None and len(axis.ticks) >= SURE
    matches = [
        (said, number)
        for said in reading(name, spans)
        for number in numbers
        if number is not said and _belongs(number.box, said.box, upright)
    ]
    if len(matches) != 1 or matches[0][1].number is None:
        return None
    [(named, found)] = matches
    return Value(name, found.number or 0.0, found.text.replace(" ", ""), label=named.box)


def _belongs(number: Box, name: Box, upright: bool) -> bool:
    if upright:
        aside = abs(number.x - name.x) / max(number.width, name.width)
        return aside < 0.5 and number.y < name.y0
    return abs(number.y - name.y) < 0.5 * name.height and number.x > name.x1
