"""Questions about a chart with their exact answers, from its numbers alone."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

from thinkimg_eval.charts import Series
from thinkimg_eval.synthcharts.asked import Asked, Family, Way
from thinkimg_eval.synthcharts.plan import ChartPlan, Panel
from thinkimg_eval.synthcharts.wording import phrase, variants

READ_TOLERANCE = 0.05
"""Of a value that is read off an axis."""
WRITTEN_TOLERANCE = 0.0005
"""Of a number that is written there: all its digits have to be right."""
RATIO_TOLERANCE = 0.02

_T = TypeVar("_T")

MARGIN = 0.055
"""What is compared is at least so far apart, as a part of the axis. Less than `values.GAP`,
and with a legend inside the plot still 0.04."""
_WRITTEN_MARGIN = 0.02
"""The same where the numbers can be read."""
_READABLE = 0.3
"""A value that is to be read within 5% is at least so high, as a part of the axis."""
_READABLE_IN_PANEL = 0.5
_LEAST_COMPARED = 6
_MOST_COUNTED = 15
_MOST_OF_A_FAMILY = 2
"""In one chart, unless it has several panels."""
_TRIES = 8


@dataclass(frozen=True)
class Question:
    """What is asked, in words and apart from them, and the answer."""

    asked: Asked
    text: str
    truth: str
    accepted: tuple[str, ...] = ()
    tolerance: float | None = None
    """Relative, of a number; an answer in words must be the truth."""


@dataclass
class Balance:
    """How often what was asked and answered so far, so that nothing becomes a safe guess."""

    families: Counter[Family] = field(default_factory=Counter)
    answers: Counter[tuple[Family, str]] = field(default_factory=Counter)

    def add(self, question: Question) -> None:
        self.families[question.asked.family] += 1
        self.answers[question.asked.family, question.truth] += 1

    def rarest(self, family: Family, truths: Iterable[str], rng: random.Random) -> str:
        """Of these answers, one that was given least often."""
        return _least(truths, lambda truth: self.answers[family, truth], rng)


def questions_of(plan: ChartPlan, balance: Balance, rng: random.Random) -> list[Question]:
    """Four to six questions, of families and with answers that were rare so far."""
    wanted = rng.choice((4, 4, 4, 5, 5, 6))
    questions: list[Question] = []
    here = Counter[Family]()
    families = {Family.PANEL} if plan.kind == "panels" else {*_MAKERS}
    while families and len(questions) < wanted:
        # Sorted, because the order of a set is another in each process.
        weights = {family: (here[family], balance.families[family]) for family in sorted(families)}
        family = _least(weights, weights.__getitem__, rng)
        question = _new_question(family, plan, balance, questions, rng)
        if question is None:
            families.remove(family)
            continue
        questions.append(question)
        balance.add(question)
        here[family] += 1
        if here[family] == _MOST_OF_A_FAMILY and family is not Family.PANEL:
            families.remove(family)
    return questions


def _new_question(
    family: Family,
    plan: ChartPlan,
    balance: Balance,
    others: Sequence[Question],
    rng: random.Random,
) -> Question | None:
    """One that is not among the others, if the chart has one."""
    make = _MAKERS.get(family, _panel)
    for _ in range(_TRIES):
        found = make(plan, balance, rng)
        if found is None:
            return None
        if found.asked not in [other.asked for other in others]:
            text = phrase(found.asked, rng.randrange(variants(found.asked)))
            return Question(found.asked, text, found.truth, found.accepted, found.tolerance)
    return None


@dataclass(frozen=True)
class _Found:
    """A question without words."""

    asked: Asked
    truth: str
    accepted: tuple[str, ...] = ()
    tolerance: float | None = None


def _labelled_value(plan: ChartPlan, balance: Balance, rng: random.Random) -> _Found | None:
    [panel] = plan.panels
    if not panel.written:
        return None
    series, index = _some_value(panel, rng)
    return _value(Asked(Family.LABELLED_VALUE, Way.VALUE), panel, series, index)


def _unlabelled_value(plan: ChartPlan, balance: Balance, rng: random.Random) -> _Found | None:
    [panel] = plan.panels
    if panel.written:
        return None
    if panel.numbers.kind == "scatter":
        return _end_of_cloud(panel, rng)
    readable = [
        (series, index)
        for series in panel.numbers.series
        for index, value in enumerate(series.values)
        if _readable(panel, value, _READABLE)
    ]
    if not readable:
        return None
    series, index = rng.choice(readable)
    return _value(Asked(Family.UNLABELLED_VALUE, Way.VALUE), panel, series, index)


def _end_of_cloud(panel: Panel, rng: random.Random) -> _Found | None:
    ways = []
    for series in panel.numbers.series:
        ranked = sorted(series.values)
        for way, end, beside in (
            (Way.HIGHEST, ranked[-1], ranked[-2]),
            (Way.LOWEST, ranked[0], ranked[1]),
        ):
            apart = abs(end - beside) >= MARGIN * panel.span
            if apart and _readable(panel, end, _READABLE):
                ways.append((way, series, end))
    if not ways:
        return None
    way, series, end = rng.choice(ways)
    asked = Asked(Family.UNLABELLED_VALUE, way, series=(series.name,))
    return _Found(asked, _number(end), tolerance=READ_TOLERANCE)


def _extreme(plan: ChartPlan, balance: Balance, rng: random.Random) -> _Found | None:
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
    asked = Asked(Family.EXTREME, way, noun=plan.noun, series=_named(panel, series))
    return _ranked(asked, dict(zip(numbers.categories, series.values, strict=True)), panel)


def _compare(plan: ChartPlan, balance: Balance, rng: random.Random) -> _Found | None:
    [panel] = plan.panels
    categories = panel.numbers.categories
    if plan.ordered or len(categories) < _LEAST_COMPARED:
        return None
    way = rng.choice((Way.HIGHEST, Way.LOWEST, Way.SECOND_HIGHEST, Way.SECOND_LOWEST))
    series = rng.choice(panel.numbers.series)
    count = rng.randint(_LEAST_COMPARED, min(7, len(categories)))
    values = dict(rng.sample([*zip(categories, series.values, strict=True)], k=count))
    asked = Asked(Family.COMPARE, way, categories=tuple(values), series=_named(panel, series))
    return _ranked(asked, values, panel)


def _count(plan: ChartPlan, balance: Balance, rng: random.Random) -> _Found | None:
    [panel] = plan.panels
    found: dict[str, list[Asked]] = {}
    for asked, count in _countings(panel):
        if 0 < count <= _MOST_COUNTED:
            found.setdefault(str(count), []).append(asked)
    if not found:
        return None
    truth = balance.rarest(Family.COUNT, found, rng)
    return _Found(rng.choice(found[truth]), truth, tolerance=0.0)


def _countings(panel: Panel) -> Iterator[tuple[Asked, int]]:
    """All that can be counted for sure."""
    numbers = panel.numbers
    # One series at a time, and, where all are on one axis, all of them together.
    parts = [(_named(panel, series), series.values) for series in numbers.series]
    if len(parts) > 1 and numbers.kind in ("grouped_bar", "scatter"):
        parts.append(((), tuple(value for _, values in parts for value in values)))
    for name, values in parts:
        for threshold in _thresholds(panel):
            if all(abs(value - threshold) >= _margin(panel) for value in values):
                above = sum(value > threshold for value in values)
                yield _counting(Way.ABOVE, series=name, threshold=threshold), above
                yield (
                    _counting(Way.BELOW, series=name, threshold=threshold),
                    len(values) - above,
                )
    for series in numbers.series:
        name = _named(panel, series)
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


def _color_to_series(plan: ChartPlan, balance: Balance, rng: random.Random) -> _Found | None:
    [panel] = plan.panels
    if len(panel.keys) < 2:
        return None
    name, color = rng.choice(panel.keys)
    return _Found(Asked(Family.COLOR_TO_SERIES, Way.SHOWN, color=color.name), name)


def _yes_no(plan: ChartPlan, balance: Balance, rng: random.Random) -> _Found | None:
    [panel] = plan.panels
    if panel.numbers.kind == "scatter":
        return None
    truth = balance.rarest(Family.YES_NO, ("yes", "no"), rng)
    way = rng.choice((Way.ABOVE, Way.BELOW))
    higher = (truth == "yes") == (way is Way.ABOVE)
    if rng.random() < 0.5:
        pair = _pair(panel, rng)
        if pair is None:
            return None
        (categories, series), (high, low) = _in_order(pair, higher)
        asked = Asked(Family.YES_NO, way, categories=categories, series=series)
        assert (high > low) is higher
        return _Found(asked, truth)
    one, index = _some_value(panel, rng)
    value = one.values[index]
    fitting = [
        threshold
        for threshold in _thresholds(panel)
        if abs(threshold - value) >= _margin(panel) and (value > threshold) is higher
    ]
    if not fitting:
        return None
    asked = Asked(
        Family.YES_NO,
        way,
        categories=(panel.numbers.categories[index],),
        series=_named(panel, one),
        threshold=rng.choice(fitting),
    )
    return _Found(asked, truth)


def _arithmetic(plan: ChartPlan, balance: Balance, rng: random.Random) -> _Found | None:
    [panel] = plan.panels
    pair = _pair(panel, rng) if panel.written else None
    if pair is None:
        return None
    way = rng.choice((Way.DIFFERENCE, Way.RATIO))
    # A ratio is at least 1, where two decimals are enough.
    higher_first = way is Way.RATIO or rng.random() < 0.5
    (categories, series), (one, other) = _in_order(pair, higher_first)
    asked = Asked(Family.ARITHMETIC, way, categories=categories, series=series)
    if way is Way.DIFFERENCE:
        truth, tolerance = _number(abs(one - other)), WRITTEN_TOLERANCE
    else:
        truth, tolerance = f"{one / other:.2f}", RATIO_TOLERANCE
    return _Found(asked, truth, tolerance=tolerance)


def _panel(plan: ChartPlan, balance: Balance, rng: random.Random) -> _Found | None:
    """About one of several plots."""
    ways = (Way.VALUE, Way.VALUE, Way.HIGHEST, Way.LOWEST, Way.SHOWN)
    for way in rng.sample(ways, k=len(ways)):
        found = _shown(plan, rng) if way is Way.SHOWN else _inside(plan, way, rng)
        if found is not None:
            return found
    return None


def _inside(plan: ChartPlan, way: Way, rng: random.Random) -> _Found | None:
    panel = rng.choice(plan.panels)
    title, [series] = panel.numbers.title, panel.numbers.series
    if way is not Way.VALUE:
        asked = Asked(Family.PANEL, way, panel=title, noun=plan.noun)
        named = dict(zip(panel.numbers.categories, series.values, strict=True))
        return _ranked(asked, named, panel)
    index = rng.randrange(len(series.values))
    if panel.written:
        return _value(Asked(Family.PANEL, way, panel=title), panel, series, index)
    if panel.scale is None or not _readable(panel, series.values[index], _READABLE_IN_PANEL):
        return None
    return _value(Asked(Family.PANEL, way, panel=title), panel, series, index)


def _shown(plan: ChartPlan, rng: random.Random) -> _Found | None:
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
    return _Found(question, panel.numbers.title)


_Maker = Callable[[ChartPlan, Balance, random.Random], _Found | None]
_MAKERS: dict[Family, _Maker] = {
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


def _value(asked: Asked, panel: Panel, series: Series, index: int) -> _Found:
    """A question for one value, filled in."""
    named = () if asked.panel else _named(panel, series)
    truth = _number(series.values[index])
    return _Found(
        Asked(
            asked.family,
            asked.way,
            categories=(panel.numbers.categories[index],),
            series=named,
            panel=asked.panel,
        ),
        truth,
        accepted=(f"{truth}%",) if panel.numbers.kind == "pie" else (),
        tolerance=WRITTEN_TOLERANCE if panel.written else READ_TOLERANCE,
    )


def _ranked(asked: Asked, values: dict[str, float], panel: Panel) -> _Found | None:
    """The name that is first or second; none where the one before or after it is near."""
    falling = asked.way in (Way.HIGHEST, Way.SECOND_HIGHEST)
    names = sorted(values, key=lambda name: values[name], reverse=falling)
    place = int(asked.way in (Way.SECOND_HIGHEST, Way.SECOND_LOWEST))
    gaps = [abs(values[one] - values[other]) for one, other in pairwise(names[: place + 2])]
    if min(gaps) < _margin(panel):
        return None
    return _Found(asked, names[place])


_Names = tuple[tuple[str, ...], tuple[str, ...]]
"""Categories and series, as a question names them."""


@dataclass(frozen=True)
class _Pair:
    """Two values that are clearly apart, the higher first, and what names them."""

    categories: tuple[str, ...]
    series: tuple[str, ...]
    values: tuple[float, float]


def _pair(panel: Panel, rng: random.Random) -> _Pair | None:
    numbers = panel.numbers
    across = len(numbers.series) > 1 and rng.random() < 0.4
    for _ in range(_TRIES):
        if across:
            index = rng.randrange(len(numbers.categories))
            two = rng.sample(numbers.series, k=2)
            two.sort(key=lambda series: -series.values[index])
            values = two[0].values[index], two[1].values[index]
            names: _Names = (numbers.categories[index],), (two[0].name, two[1].name)
        else:
            series = rng.choice(numbers.series)
            ends = rng.sample(range(len(series.values)), k=2)
            ends.sort(key=lambda index: -series.values[index])
            values = series.values[ends[0]], series.values[ends[1]]
            chosen = tuple(numbers.categories[index] for index in ends)
            names = chosen, _named(panel, series)
        if values[0] - values[1] >= _margin(panel):
            return _Pair(*names, values)
    return None


def _in_order(pair: _Pair, higher_first: bool) -> tuple[_Names, tuple[float, float]]:
    """The pair, turned around if the lower one is to be named first."""
    if higher_first:
        return (pair.categories, pair.series), pair.values
    turned = pair.values[::-1]
    if len(pair.categories) == 2:
        return (pair.categories[::-1], pair.series), (turned[0], turned[1])
    return (pair.categories, pair.series[::-1]), (turned[0], turned[1])


def _some_value(panel: Panel, rng: random.Random) -> tuple[Series, int]:
    series = rng.choice(panel.numbers.series)
    return series, rng.randrange(len(series.values))


def _named(panel: Panel, series: Series) -> tuple[str, ...]:
    """A series' name, where it is needed."""
    return (series.name,) if len(panel.numbers.series) > 1 else ()


def _thresholds(panel: Panel) -> list[float]:
    """Numbers a question can name: ticks, and what is halfway between them."""
    if panel.scale is None:
        return [float(share) for share in range(8, 41, 2)]
    low, top, half = panel.scale.low, panel.scale.top, panel.scale.step / 2
    steps = round((top - low) / half)
    return [round(low + half * step, 2) for step in range(1, steps)]


def _margin(panel: Panel) -> float:
    return (_WRITTEN_MARGIN if panel.written else MARGIN) * panel.span


def _readable(panel: Panel, value: float, least: float) -> bool:
    assert panel.scale is not None
    return value - panel.scale.low >= least * panel.span


def _kind(panel: Panel) -> str:
    return panel.numbers.kind.removeprefix("horizontal_").removesuffix("_bar")


def _end(way: Way) -> Callable[[Sequence[float]], float]:
    return max if way is Way.HIGHEST else min


def _number(value: float) -> str:
    return f"{round(value, 2):g}"


def _least(choices: Iterable[_T], weight: Callable[[_T], Any], rng: random.Random) -> _T:
    """One of those of least weight."""
    weighed = [(weight(choice), choice) for choice in choices]
    least = min(each for each, _ in weighed)
    return rng.choice([choice for each, choice in weighed if each == least])
