"""What can be told in a chart for sure: values that are apart, thresholds, readable ones."""

from __future__ import annotations

import random
from dataclasses import dataclass

from thinkimg_eval.charts import Series
from thinkimg_eval.synthcharts.plan import Panel

MARGIN = 0.055
"""What is compared is at least so far apart, as a part of the axis. Less than `values.GAP`,
and with a legend inside the plot still 0.04."""
_WRITTEN_MARGIN = 0.02
"""The same where the numbers can be read."""
_READABLE = 0.3
"""A value that is to be read within 5% is at least so high, as a part of the axis."""
_READABLE_IN_FIGURE = 0.5
"""The same in a figure of several plots, which are small."""
_TRIES = 8


def named(panel: Panel, series: Series) -> tuple[str, ...]:
    """A series' name, where it is needed."""
    return (series.name,) if len(panel.numbers.series) > 1 else ()


def thresholds(panel: Panel) -> list[float]:
    """Numbers a question can name: ticks, and what is halfway between them."""
    if panel.scale is None:
        return [float(share) for share in range(8, 41, 2)]
    low, top, half = panel.scale.low, panel.scale.top, panel.scale.step / 2
    steps = round((top - low) / half)
    return [round(low + half * step, 2) for step in range(1, steps)]


def margin(panel: Panel) -> float:
    """How far apart values are to be, in their units."""
    return (_WRITTEN_MARGIN if panel.written else MARGIN) * panel.span


def readable(panel: Panel, value: float, *, in_figure: bool = False) -> bool:
    """Whether a value can be read off the axis within 5%; never in a pie, which has none."""
    least = _READABLE_IN_FIGURE if in_figure else _READABLE
    return panel.scale is not None and value - panel.scale.low >= least * panel.span


Names = tuple[tuple[str, ...], tuple[str, ...]]
"""Categories and series, as a question names them."""


@dataclass(frozen=True)
class Pair:
    """Two values that are clearly apart, the higher first, and what names them."""

    categories: tuple[str, ...]
    series: tuple[str, ...]
    values: tuple[float, float]


def pair(panel: Panel, rng: random.Random) -> Pair | None:
    """Any two; None if none are apart in some tries."""
    numbers = panel.numbers
    across = len(numbers.series) > 1 and rng.random() < 0.4
    for _ in range(_TRIES):
        if across:
            index = rng.randrange(len(numbers.categories))
            two = rng.sample(numbers.series, k=2)
            two.sort(key=lambda series: -series.values[index])
            values = two[0].values[index], two[1].values[index]
            names: Names = (numbers.categories[index],), (two[0].name, two[1].name)
        else:
            series = rng.choice(numbers.series)
            ends = rng.sample(range(len(series.values)), k=2)
            ends.sort(key=lambda index: -series.values[index])
            values = series.values[ends[0]], series.values[ends[1]]
            chosen = tuple(numbers.categories[index] for index in ends)
            names = chosen, named(panel, series)
        if values[0] - values[1] >= margin(panel):
            return Pair(*names, values)
    return None


def in_order(pair: Pair, higher_first: bool) -> tuple[Names, tuple[float, float]]:
    """The pair, turned around if the lower one is to be named first."""
    if higher_first:
        return (pair.categories, pair.series), pair.values
    turned = pair.values[::-1]
    if len(pair.categories) == 2:
        return (pair.categories[::-1], pair.series), (turned[0], turned[1])
    return (pair.categories, pair.series[::-1]), (turned[0], turned[1])
