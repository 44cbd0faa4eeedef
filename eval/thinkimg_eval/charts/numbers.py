"""What a chart shows, as data: questions about a chart are made from it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import NamedTuple

from thinkimg_eval.charts.topics import Topic


class NamedColor(NamedTuple):
    """A colour, and what a person would call it."""

    name: str
    hexadecimal: str


@dataclass(frozen=True)
class Series:
    """One run of values."""

    name: str
    color: NamedColor
    values: tuple[float, ...]
    """One for each category; of a scatter chart, the y of each point."""
    x: tuple[float, ...] = ()
    """The x of each point of a scatter chart."""


@dataclass(frozen=True)
class Numbers:
    """One panel's worth of data."""

    kind: str
    title: str
    x_label: str
    y_label: str
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    category_colors: tuple[NamedColor, ...] = ()
    """One for each category, where these are told apart by colour and not the series."""


def invent_numbers(
    kind: str, topic: Topic, palette: tuple[NamedColor, ...], room: int, rng: random.Random
) -> Numbers:
    """Plausible data about a topic: at most `room` categories."""
    if kind == "scatter":
        return _scatter(topic, palette, rng)
    many_series = kind in ("grouped_bar", "stacked_bar")
    categories = _some_categories(topic, kind, room, rng)
    count = 1
    if many_series or kind == "line":
        count = rng.randint(2 if many_series else 1, min(4, len(topic.series), len(palette)))
        if kind == "grouped_bar":
            categories = categories[: max(2, room // count)]
    colors = rng.sample(palette, k=len(palette))
    names = rng.sample(topic.series, k=count)
    scale = rng.choice((1, 10, 100))
    series = tuple(
        Series(name, color, _values(len(categories), kind, scale, rng))
        for name, color in zip(names, colors, strict=False)
    )
    swap = kind == "horizontal_bar"
    return Numbers(
        kind=kind,
        title=topic.title,
        x_label=topic.value if swap else topic.category,
        y_label=topic.category if swap else topic.value,
        categories=categories,
        series=series,
        category_colors=_category_colors(kind, colors, len(categories), rng),
    )


def _some_categories(topic: Topic, kind: str, room: int, rng: random.Random) -> tuple[str, ...]:
    least, most = (3, 6) if kind == "pie" else (3, 9)
    count = min(rng.randint(least, most), max(least, room), len(topic.categories))
    start = rng.randint(0, len(topic.categories) - count)
    return topic.categories[start : start + count]


def _values(count: int, kind: str, scale: int, rng: random.Random) -> tuple[float, ...]:
    """Values that can be seen: none is a sliver beside the largest."""
    if kind != "line":
        return tuple(round(rng.uniform(1.5, 10) * scale, 1) for _ in range(count))
    value, values = rng.uniform(2, 9), []
    for _ in range(count):
        value = min(10, max(1, value + rng.uniform(-2, 2)))
        values.append(round(value * scale, 1))
    return tuple(values)


def _category_colors(
    kind: str, colors: list[NamedColor], count: int, rng: random.Random
) -> tuple[NamedColor, ...]:
    """Pie: all different. Plain bars: one colour, one that stands out, or all different."""
    if kind == "pie":
        return tuple(colors[:count])
    if kind not in ("bar", "horizontal_bar"):
        return ()
    way = rng.choice(("one", "highlight", "all"))
    if way == "highlight":
        chosen = rng.randrange(count)
        return tuple(colors[1] if index == chosen else colors[0] for index in range(count))
    return tuple(colors[:count]) if way == "all" and count <= len(colors) else ()


def _scatter(topic: Topic, palette: tuple[NamedColor, ...], rng: random.Random) -> Numbers:
    colors = rng.sample(palette, k=len(palette))
    names = rng.sample(topic.series, k=rng.randint(1, min(3, len(topic.series), len(colors))))
    series = []
    for name, color in zip(names, colors, strict=False):
        x, y = rng.uniform(2, 8), rng.uniform(2, 8)
        points = [(rng.gauss(x, 1.2), rng.gauss(y, 1.2)) for _ in range(rng.randint(6, 14))]
        series.append(
            Series(
                name,
                color,
                values=tuple(round(point[1], 2) for point in points),
                x=tuple(round(point[0], 2) for point in points),
            )
        )
    return Numbers("scatter", topic.title, topic.quantity, topic.value, (), tuple(series))
