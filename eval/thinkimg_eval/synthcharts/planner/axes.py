"""A value axis: from where something is drawn to what it means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Literal

import numpy as np

from thinkimg_eval.synthcharts.planner.places import Box
from thinkimg_eval.synthcharts.planner.texts import Span

Direction = Literal["x", "y"]

_LEAST_TICKS = 2
_OFF = 0.012
"""How far from its place, in parts of the image, a tick may be read."""
_ALIGNED = 0.02
"""How far apart, in parts of the image, edges of ticks may be."""


@dataclass(frozen=True)
class Axis:
    """value = slope * place + offset, with the ticks that say so."""

    direction: Direction
    slope: float
    offset: float
    ticks: tuple[Span, ...]

    def value_at(self, place: float) -> float:
        return self.slope * place + self.offset

    def place_of(self, value: float) -> float:
        return (value - self.offset) / self.slope

    @property
    def step(self) -> float:
        """Between two ticks."""
        values = sorted(_numbers(self.ticks))
        steps = [b - a for a, b in pairwise(values) if b > a]
        return min(steps, default=1.0)


def value_axis(spans: Sequence[Span], direction: Direction, plot: Box | None = None) -> Axis | None:
    """The axis that the numbers in a column (y) or in a row (x) make.

    The one with the most ticks that agree; None where no two do. With a plot area,
    only numbers below it (x) or left of it (y) count.
    """
    numbers = [span for span in spans if span.number is not None]
    if plot is not None:
        numbers = [span for span in numbers if _is_outside(span.box, plot, direction)]
    best: Axis | None = None
    for column in _aligned(numbers, direction):
        axis = _fitted(column, direction)
        if axis is not None and (best is None or _worth(axis) > _worth(best)):
            best = axis
    return best


def _is_outside(box: Box, plot: Box, direction: Direction) -> bool:
    return box.x < plot.x0 if direction == "y" else box.y > plot.y1


def _worth(axis: Axis) -> tuple[int, float]:
    places = [_place(tick, axis.direction) for tick in axis.ticks]
    return len(axis.ticks), max(places) - min(places)


def _aligned(numbers: Sequence[Span], direction: Direction) -> list[list[Span]]:
    """Columns with one right, left or middle edge; rows with one middle."""
    groups: list[list[Span]] = []
    for edge in ("x1", "x0", "x") if direction == "y" else ("y", "y0"):
        for first in numbers:
            at = getattr(first.box, edge)
            group = [span for span in numbers if abs(getattr(span.box, edge) - at) <= _ALIGNED]
            if len(group) >= _LEAST_TICKS and group not in groups:
                groups.append(group)
    return groups


def _fitted(ticks: Sequence[Span], direction: Direction) -> Axis | None:
    """The straight line through most ticks; a misread one is left out."""
    places = np.array([_place(tick, direction) for tick in ticks])
    values = np.array(_numbers(ticks))
    best = np.zeros(len(ticks), bool)
    for one, other in combinations(range(len(ticks)), 2):
        apart = places[other] - places[one]
        if abs(apart) < 2 * _OFF or values[one] == values[other]:
            continue
        slope = (values[other] - values[one]) / apart
        # Values grow upwards, and to the right.
        if (slope < 0) != (direction == "y"):
            continue
        off = np.abs((values - values[one]) / slope - (places - places[one]))
        agree = off <= _OFF
        if agree.sum() > best.sum():
            best = agree
    if best.sum() < _LEAST_TICKS:
        return None
    slope, offset = np.polyfit(places[best], values[best], 1)
    kept = tuple(tick for tick, is_in in zip(ticks, best, strict=True) if is_in)
    return Axis(direction, float(slope), float(offset), kept)


def _place(tick: Span, direction: Direction) -> float:
    return tick.box.y if direction == "y" else tick.box.x


def _numbers(ticks: Sequence[Span]) -> list[float]:
    return [number for tick in ticks if (number := tick.number) is not None]
