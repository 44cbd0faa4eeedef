"""Bars: which way they grow, what they stand for, how long they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from thinkimg_eval.synthcharts.planner.axes import Axis, Direction, value_axis
from thinkimg_eval.synthcharts.planner.categories import Label, labels_along
from thinkimg_eval.synthcharts.planner.places import Box, union_of
from thinkimg_eval.synthcharts.planner.texts import Span

_SAME_EDGE = 0.012
"""How far apart, in parts of the image, edges may be that are meant to be one."""
_NEAR_ZERO = 0.02
"""Of the axis, how far from zero a base may seem to be."""


@dataclass(frozen=True)
class Bars:
    """The bars of one series, with the axis and the names of all."""

    boxes: tuple[Box, ...]
    upright: bool
    base: float
    """Where bars start: y of the foot of upright ones, x of the left end of others."""
    axis: Axis | None
    labels: tuple[Label, ...]

    @property
    def direction(self) -> Direction:
        """Of the values."""
        return "y" if self.upright else "x"

    def middle(self, box: Box) -> float:
        return box.x if self.upright else box.y

    def tip(self, box: Box) -> float:
        return box.y0 if self.upright else box.x1

    def length(self, box: Box) -> float:
        return box.height if self.upright else box.width

    def value(self, box: Box) -> float | None:
        """What a bar's length means; of a stack, what a part's means."""
        if self.axis is None:
            return None
        at_base = self.axis.value_at(self.base)
        start = box.y1 if self.upright else box.x0
        span = abs(self.axis.slope) * self.length_of_axis()
        if abs(start - self.base) > _SAME_EDGE or abs(at_base) <= max(
            _NEAR_ZERO * span, 0.5 * self.axis.step
        ):
            return abs(self.axis.slope) * self.length(box)
        return self.axis.value_at(self.tip(box))

    def length_of_axis(self) -> float:
        if self.axis is None:
            return 0.0
        places = [tick.box.y if self.upright else tick.box.x for tick in self.axis.ticks]
        return max(places) - min(places)

    def label_of(self, box: Box) -> Label | None:
        """The name that a bar stands at."""
        return min(self.labels, key=lambda label: abs(label.place - self.middle(box)), default=None)

    def at(self, label: Label) -> Box | None:
        """The bar that stands at a name: the nearest, none if it is the neighbour's."""
        best = min(self.boxes, key=lambda box: abs(self.middle(box) - label.place), default=None)
        return best if best is not None and self.label_of(best) == label else None


def read_bars(boxes: Sequence[Box], spans: Sequence[Span]) -> Bars | None:
    """Bars with their axis and names; None if there are none."""
    if not boxes:
        return None
    upright = _grow_up(boxes, spans)
    data = union_of(boxes)
    axis = value_axis(spans, "y" if upright else "x", data)
    feet = [box.y1 for box in boxes] if upright else [box.x0 for box in boxes]
    base = max(feet) if upright else min(feet)
    if axis is not None and max(feet) - min(feet) > _SAME_EDGE:
        base = axis.place_of(0)  # parts of stacks
    data = Box(data.x0, data.y0, data.x1, base) if upright else Box(base, *data[1:])
    middles = sorted(box.x if upright else box.y for box in boxes)
    steps = [after - before for before, after in pairwise(middles) if after - before > _SAME_EDGE]
    labels = labels_along(spans, data, "x" if upright else "y", axis, min(steps, default=0.0))
    return Bars(tuple(boxes), upright, base, axis, tuple(labels))


def _grow_up(bars: Sequence[Box], spans: Sequence[Span]) -> bool:
    """Bars are all as thick; else, they start together."""
    if len(bars) > 1:
        across = _spread([box.width for box in bars]), _spread([box.y1 for box in bars])
        along = _spread([box.height for box in bars]), _spread([box.x0 for box in bars])
        if abs(across[0] - along[0]) > 1e-3:
            return across[0] < along[0]
        return across[1] < along[1]
    return value_axis(spans, "y", bars[0]) is not None


def _spread(values: Sequence[float]) -> float:
    return float(np.std(values))
