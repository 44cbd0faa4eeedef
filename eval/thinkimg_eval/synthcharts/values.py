"""Numbers that can be read off a chart: round enough, and never nearly equal."""

from __future__ import annotations

import math
import random

from thinkimg_eval.charts.painting import Scale

_TOPS = (
    (6, 1), (8, 2), (10, 2), (12, 2), (16, 4), (20, 5),
    (25, 5), (30, 5), (40, 10), (50, 10), (60, 10), (80, 20),
)  # fmt: skip
"""Where axes end and their steps, times 1, 10 or 100."""

GAP = 0.06
"""Between two values of a series, as a part of the axis. A legend inside the plot makes the
axis up to 1.35 times as long, so that at least 0.04 remain."""
LOW, HIGH = 0.12, 0.92
"""Where values lie on the axis: every bar can be seen, and written on."""
WRITTEN_HIGH = 0.82
"""The highest a lying bar goes with its value behind it."""
_TRIES = 400


def choose_scale(rng: random.Random, *, from_zero: bool = True) -> Scale:
    """An axis of values, from 0 or, sometimes, a tick or two above."""
    top, step = rng.choice(_TOPS)
    factor = rng.choice((1, 10, 100))
    low = 0 if from_zero or rng.random() < 0.5 else step * rng.randint(1, 2)
    low = low if top - low >= 3 * step else 0
    return Scale(float(low * factor), float(top * factor), float(step * factor))


def unit_of(scale: Scale) -> float:
    """What values are multiples of: none has more than four digits."""
    if scale.top <= 30:
        return 0.1
    return 1.0 if scale.top <= 1000 else 10.0


def spaced_values(
    count: int,
    scale: Scale,
    rng: random.Random,
    *,
    gap: float = GAP,
    low: float = LOW,
    high: float = HIGH,
) -> tuple[float, ...]:
    """Values in any order, each two of them at least `gap` of the axis apart."""
    unit, span = unit_of(scale), scale.top - scale.low
    first = math.ceil((scale.low + low * span) / unit - 1e-9)
    last = math.floor((scale.low + high * span) / unit + 1e-9)
    apart = math.ceil(gap * span / unit - 1e-9)
    room = last - first - apart * (count - 1)
    if room < 0:
        raise ValueError(f"{count} values do not fit on {scale} with gaps of {gap}")
    extra = sorted(rng.randint(0, room) for _ in range(count))
    values = [round((first + each + apart * rank) * unit, 1) for rank, each in enumerate(extra)]
    rng.shuffle(values)
    return tuple(values)


def spaced_rows(count: int, length: int, scale: Scale, rng: random.Random) -> list[list[float]]:
    """Rows for lines that never touch at a category, though they may cross between two."""
    apart = GAP * (scale.top - scale.low)
    rows: list[list[float]] = []
    for _ in range(_TRIES):
        if len(rows) == count:
            return rows
        row = list(spaced_values(length, scale, rng))
        if _moved_clear(row, rows, apart, rng):
            rows.append(row)
    raise ValueError(f"{count} rows of {length} do not fit on {scale}")


def _moved_clear(
    row: list[float], others: list[list[float]], apart: float, rng: random.Random
) -> bool:
    """Swap values until none is near one of the other rows; whether that worked."""

    def near(index: int) -> bool:
        return any(abs(row[index] - other[index]) < apart for other in others)

    for _ in range(_TRIES):
        close = [index for index in range(len(row)) if near(index)]
        if not close:
            return True
        one, other = rng.choice(close), rng.randrange(len(row))
        row[one], row[other] = row[other], row[one]
    return False


def shares(count: int, rng: random.Random) -> tuple[float, ...]:
    """Whole percentages of at least 5, each two at least 2 apart, that make 100."""
    least = [5 + 2 * rank for rank in range(count)]
    weights = sorted(rng.random() ** 2 for _ in range(count))
    rest = 100 - sum(least)
    extra = [int(rest * weight / sum(weights)) for weight in weights]
    extra[-1] += rest - sum(extra)
    values = [float(base + more) for base, more in zip(least, extra, strict=True)]
    rng.shuffle(values)
    return tuple(values)


def scattered(
    counts: list[int], apart: float, rng: random.Random
) -> list[list[tuple[float, float]]] | None:
    """Points in the unit square, none near another, in a cloud for each count; None if the
    square got too full."""
    taken: list[tuple[float, float]] = []
    clouds = []
    for count in counts:
        middle, wide = (rng.uniform(0.25, 0.75), rng.uniform(0.25, 0.75)), rng.uniform(0.12, 0.4)
        cloud: list[tuple[float, float]] = []
        for _ in range(_TRIES):
            if len(cloud) == count:
                break
            x, y = (rng.gauss(each, wide) for each in middle)
            inside = 0.06 <= x <= 0.94 and 0.1 <= y <= 0.92
            if inside and all(math.dist((x, y), other) >= apart for other in taken):
                taken.append((x, y))
                cloud.append((x, y))
        if len(cloud) < count:
            return None
        clouds.append(cloud)
    return clouds
