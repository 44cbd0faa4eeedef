"""What can be asked about a chart, family by family, and the exact answers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from thinkimg_eval.charts import Series
from thinkimg_eval.synthcharts.apart import (
    MARGIN,
    in_order,
    margin,
    named,
    pair,
    readable,
    thresholds,
)
from thinkimg_eval.synthcharts.asked import Asked, Family, Way
from thinkimg_eval.synthcharts.balance import Balance, Found
from thinkimg_eval.synthcharts.plan import ChartPlan, Panel

READ_TOLERANCE = 0.05
"""Of a value that is read off an axis."""
WRITTEN_TOLERANCE = 0.0005
"""Of a number that is written there: all its digits have to be right."""
RATIO_TOLERANCE = 0.02
_LEAST_COMPARED = 6
_MOST_COUNTED = 15

Maker = Callable[[ChartPlan, Balance, random.Random], Found | None]
"""A question of one family; None if the chart has none, or just not this time."""


def _labelled_value(plan: ChartPlan, balance: Balance, rng: random.Random) -> Found | None:
    [panel] = plan.panels
    if not panel.written:
        return None
    series, index = _some_value(panel, rng)
    return _value(Asked(Family.LABELLED_VALUE, Way.VALUE), panel, series, index)


def _unlabelled_value(plan: ChartPlan, balance: Balance, rng: random.Random) -> Found | None:
    [panel] = plan.panels
    if panel.written:
        return None
    if panel.numbers.kind == "scatter":
        return _end_of_cloud(panel, rng)
    fitting = [
        (series, index)
        for series in panel.numbers.series
        for index, value in enumerate(series.values)
        if readable(panel, value)
    ]
    if not fitting:
        return None
    series, index = rng.choice(fitting)
    return _value(Asked(Family.UNLABELLED_VALUE, Way.VALUE), panel, series, index)


def _end_of_cloud(panel: Panel, rng: random.Random) -> Found | None:
    ways = []
    for series in panel.numbers.series:
        ranked = sorted(series.values)
        for way, end, beside in (
            (Way.HIGHEST, ranked[-1], ranked[-2]),
            (Way.LOWEST, ranked[0], ranked[1]),
        ):
            apart = abs(end - beside) >= MARGIN * panel.span
            if apart and readable(panel, end):
                ways.append((way, series, end))
    if not ways:
        return None
    way, series, end = rng.choice(ways)
    asked = Asked(Family.UNLABELLED_VALUE, way, series=(series.name,))
    return Found(asked, _number(end), tolerance=READ_TOLERANCE)


def _extreme(plan: ChartPlan, balance: Balance, rng: random.Random) -> Found | None:
    [panel] = plan.panels
    numbers = panel.numbers
    way = rng.choice((Way.HIGHEST, Way.LOWEST))
    if numbers.kind == "scatter":
        ends = {one.name: _end(way)(one.values) for one in numbers.series}
        return _ranked(Asked(Family.EXTREME, way, noun="series"), ends, panel)
    if len(numbers.series) > 2 and rng.random() < 0.4:
        index = rng.randrange(len(numbers.categories))
        asked = Asked(Family.EXTREME, way, noun="series", categories=(numbers.categories[index],))
        return _ranked(asked, {one.name: one.values[index] for one in numbers.series}, panel)
    series = rng.choice(numbers.series)
    asked = Asked(Family.EXTREME, way, noun=plan.noun, series=named(panel, series))
    return _ranked(asked, dict(zip(numbers.categories, series.values, strict=True)), panel)


def _compare(plan: ChartPlan, balance: Balance, rng: random.Random) -> Found | None:
    [panel] = plan.panels
    categories = panel.numbers.categories
    if plan.ordered or len(categories) < _LEAST_COMPARED:
        return None
    way = rng.choice((Way.HIGHEST, Way.LOWEST, Way.SECOND_HIGHEST, Way.SECOND_LOWEST))
    series = rng.choice(panel.numbers.series)
    count = rng.randint(_LEAST_COMPARED, min(7, len(categories)))
    values = dict(rng.sample([*zip(categories, series.values, strict=True)], k=count))
    asked = Asked(Family.COMPARE, way, categories=tuple(values), series=named(panel, series))
    return _ranked(asked, values, panel)


def _count(plan: ChartPlan, balance: Balance, rng: random.Random) -> Found | None:
    [panel] = plan.panels
    found: dict[str, list[Asked]] = {}
    for asked, count in _countings(panel):
        if 0 < count <= _MOST_COUNTED:
            found.setdefault(str(count), []).append(asked)
    if not found:
        return None
    truth = balance.rarest(Family.COUNT, found, rng)
    return Found(rng.choice(found[truth]), truth, tolerance=0.0)


def _countings(panel: Panel) -> Iterator[tuple[Asked, int]]:
    """All that can be counted for sure."""
    numbers = panel.numbers
    # One series at a time, and, where all are on one axis, all of them together.
    parts = [(named(panel, series), series.values) for series in numbers.series]
    if len(parts) > 1 and numbers.kind in ("grouped_bar", "scatter"):
        parts.append(((), tuple(value for _, values in parts for value in values)))
    for name, values in parts:
        for threshold in thresholds(panel):
            if all(abs(value - threshold) >= margin(panel) for value in values):
                above = sum(value > threshold for value in values)
                yield _counting(Way.ABOVE, series=name, threshold=threshold), above
                yield (
                    _counting(Way.BELOW, series=name, threshold=threshold),
                    len(values) - above,
                )
    for series in numbers.series:
        name = named(panel, series)
        if numbers.kind == "scatter":
            yield _counting(Way.EVERY, series=name), len(series.values)
            continue
        for category, value in zip(numbers.categories, series.values, strict=True):
            above = sum(other > value for other in series.values)
            below = len(series.values) - 1 - above
            yield _counting(Way.ABOVE, categories=(category,), series=name), above
            yield _counting(Way.BELOW, categories=(category,), series=name), below


def _counting(
    way: Way,
    *,
    categories: tuple[str, ...] = (),
    series: tuple[str, ...] = (),
    threshold: float | None = None,
) -> Asked:
    return Asked(Family.COUNT, way, categories=categories, series=series, threshold=threshold)


def _color_to_series(plan: ChartPlan, balance: Balance, rng: random.Random) -> Found | None:
    [panel] = plan.panels
    if len(panel.keys) < 2:
        return None
    name, color = rng.choice(panel.keys)
    return Found(Asked(Family.COLOR_TO_SERIES, Way.SHOWN, color=color.name), name)


def _yes_no(plan: ChartPlan, balance: Balance, rng: random.Random) -> Found | None:
    [panel] = plan.panels
    if panel.numbers.kind == "scatter":
        return None
    truth = balance.rarest(Family.YES_NO, ("yes", "no"), rng)
    way = rng.choice((Way.ABOVE, Way.BELOW))
    higher = (truth == "yes") == (way is Way.ABOVE)
    if rng.random() < 0.5:
        two = pair(panel, rng)
        if two is None:
            return None
        (categories, series), (high, low) = in_order(two, higher)
        asked = Asked(Family.YES_NO, way, categories=categories, series=series)
        assert (high > low) is higher
        return Found(asked, truth)
    one, index = _some_value(panel, rng)
    value = one.values[index]
    fitting = [
        threshold
        for threshold in thresholds(panel)
        if abs(threshold - value) >= margin(panel) and (value > threshold) is higher
    ]
    if not fitting:
        return None
    asked = Asked(
        Family.YES_NO,
        way,
        categories=(panel.numbers.categories[index],),
        series=named(panel, one),
        threshold=rng.choice(fitting),
    )
    return Found(asked, truth)


def _arithmetic(plan: ChartPlan, balance: Balance, rng: random.Random) -> Found | None:
    [panel] = plan.panels
    two = pair(panel, rng) if panel.written else None
    if two is None:
        return None
    way = rng.choice((Way.DIFFERENCE, Way.RATIO))
    # A ratio is at least 1, where two decimals are enough.
    higher_first = way is Way.RATIO or rng.random() < 0.5
    (categories, series), (one, other) = in_order(two, higher_first)
    asked = Asked(Family.ARITHMETIC, way, categories=categories, series=series)
    if way is Way.DIFFERENCE:
        truth, tolerance = _number(abs(one - other)), WRITTEN_TOLERANCE
    else:
        truth, tolerance = f"{one / other:.2f}", RATIO_TOLERANCE
    return Found(asked, truth, tolerance=tolerance)


def ask_about_panels(plan: ChartPlan, balance: Balance, rng: random.Random) -> Found | None:
    """About one of several plots."""
    ways = (Way.VALUE, Way.VALUE, Way.HIGHEST, Way.LOWEST, Way.SHOWN)
    for way in rng.sample(ways, k=len(ways)):
        found = _shown(plan, rng) if way is Way.SHOWN else _inside(plan, way, rng)
        if found is not None:
            return found
    return None


def _inside(plan: ChartPlan, way: Way, rng: random.Random) -> Found | None:
    panel = rng.choice(plan.panels)
    title, [series] = panel.numbers.title, panel.numbers.series
    if way is not Way.VALUE:
        asked = Asked(Family.PANEL, way, panel=title, noun=plan.noun)
        values = dict(zip(panel.numbers.categories, series.values, strict=True))
        return _ranked(asked, values, panel)
    index = rng.randrange(len(series.values))
    if panel.written:
        return _value(Asked(Family.PANEL, way, panel=title), panel, series, index)
    if not readable(panel, series.values[index], in_figure=True):
        return None
    return _value(Asked(Family.PANEL, way, panel=title), panel, series, index)


def _shown(plan: ChartPlan, rng: random.Random) -> Found | None:
    """The one panel of a colour or of a kind."""
    kinds = [_kind(panel) for panel in plan.panels]
    asked = [
        (Asked(Family.PANEL, Way.SHOWN, kind=kind), panel)
        for kind, panel in zip(kinds, plan.panels, strict=True)
        if kinds.count(kind) == 1
    ]
    if "pie" not in kinds:  # which has many colours
        asked += [
            (Asked(Family.PANEL, Way.SHOWN, color=panel.numbers.series[0].color.name), panel)
            for panel in plan.panels
        ]
    if not asked:
        return None
    question, panel = rng.choice(asked)
    return Found(question, panel.numbers.title)


MAKERS: dict[Family, Maker] = {
    Family.LABELLED_VALUE: _labelled_value,
    Family.UNLABELLED_VALUE: _unlabelled_value,
    Family.EXTREME: _extreme,
    Family.COMPARE: _compare,
    Family.COUNT: _count,
    Family.COLOR_TO_SERIES: _color_to_series,
    Family.YES_NO: _yes_no,
    Family.ARITHMETIC: _arithmetic,
}
"""What asks about a single plot."""


def _value(asked: Asked, panel: Panel, series: Series, index: int) -> Found:
    """A question for one value, filled in."""
    truth = _number(series.values[index])
    name = panel.numbers.categories[index]
    # A plot of a figure shows one series, and goes by its title.
    series_named = () if asked.panel else named(panel, series)
    return Found(
        replace(asked, categories=(name,), series=series_named),
        truth,
        accepted=(f"{truth}%",) if panel.numbers.kind == "pie" else (),
        tolerance=WRITTEN_TOLERANCE if panel.written else READ_TOLERANCE,
    )


def _ranked(asked: Asked, values: dict[str, float], panel: Panel) -> Found | None:
    """The name that is first or second; none where the one before or after it is near."""
    falling = asked.way in (Way.HIGHEST, Way.SECOND_HIGHEST)
    names = sorted(values, key=lambda name: values[name], reverse=falling)
    place = int(asked.way in (Way.SECOND_HIGHEST, Way.SECOND_LOWEST))
    gaps = [abs(values[one] - values[other]) for one, other in pairwise(names[: place + 2])]
    if min(gaps) < margin(panel):
        return None
    return Found(asked, names[place])


def _some_value(panel: Panel, rng: random.Random) -> tuple[Series, int]:
    series = rng.choice(panel.numbers.series)
    return series, rng.randrange(len(series.values))


def _kind(panel: Panel) -> str:
    return panel.numbers.kind.removeprefix("horizontal_").removesuffix("_bar")


def _end(way: Way) -> Callable[[Sequence[float]], float]:
    return max if way is Way.HIGHEST else min


def _number(value: float) -> str:
    return f"{round(value, 2):g}"
