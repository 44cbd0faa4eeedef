"""Lists of what is written where, as the OCR and detection tools give them of a chart.

Nothing is drawn: a layout is numbers and words. Places run from 0 to 1000 across and down.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from thinkimg_eval.synthcharts.planner.values import answer_text

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1."""


@dataclass(frozen=True)
class Entry:
    """A name, and what the chart says about it."""

    name: str
    value: float
    label: Box
    """Where the name is written."""
    mark: Box
    """Its bar, or wedge."""
    written: str = ""
    """Its number; empty, where none is written."""

    @property
    def text(self) -> str:
        return answer_text(self.written, self.value)

    @property
    def quoted(self) -> str:
        """Its number where one is written, as thoughts tell it."""
        return self.text if self.written else ""


@dataclass
class Layout:
    """A chart as a reader of text and a finder of marks see it."""

    kind: str
    """upright, lying, wedges or grouped."""
    entries: list[Entry]
    texts: list[tuple[str, Box]] = field(default_factory=list)
    swatches: list[tuple[str, str, Box]] = field(default_factory=list)
    """Of a legend: color, name, where both are."""
    groups: dict[str, list[Entry]] = field(default_factory=dict)
    """By the name of a series, where there are several."""
    ticks: int = 0
    """How many of the texts, the last ones, are numbers of an axis."""


def invent(
    random_: random.Random,
    names: Sequence[str],
    colors: Sequence[str],
    headings: Sequence[str],
    crowd: float = 1.0,
) -> Layout:
    """A layout about some of `names`.

    Args:
        crowd: from 0 (two names, and nothing else) to 1 (as much as charts have).
    """
    kinds = ("upright", "lying", "wedges", "grouped")
    kind = random_.choices(kinds, (4, 3, 2, 3 if crowd > 0.25 else 0))[0]
    picked = random_.sample(names, 2 + random_.randint(0, round(7 * crowd)) + 4)
    if random_.random() < 0.15:
        first = random_.randint(1900, 2020)
        picked[4:] = [str(first + number) for number in range(len(picked) - 4)]
    series, categories = picked[: random_.randint(2, 2 + round(2 * crowd))], picked[4:]
    if kind == "wedges":
        layout = _wedges(random_, categories[:6])
    elif kind == "grouped":
        layout = _grouped(random_, categories[:5], series[:3])
    else:
        layout = _bars(random_, categories, lying=kind == "lying")
    if random_.random() > crowd:
        layout.texts = layout.texts[: len(layout.texts) - layout.ticks]
        layout.ticks = 0
    if layout.groups or random_.random() < 0.5:
        _legend(random_, layout, list(layout.groups) or series, colors)
    if random_.random() < crowd:
        _head(random_, layout, headings)
    layout.texts.sort(key=lambda text: (text[1][1] // 40, text[1][0]))
    if random_.random() < 0.3:  # not every chart is read in rows
        layout.texts.sort(key=lambda text: (text[1][0] // 90, text[1][1]))
    return layout


def spans(texts: Sequence[tuple[str, Box]], random_: random.Random) -> str:
    """As the OCR tool writes them."""
    written = (
        f'{{"box": [{_numbers(box)}], "text": "{text}", "score": {_score(random_)}}}'
        for text, box in texts
    )
    return f'{{"spans": [{", ".join(written)}]}}'


def detections(boxes: Sequence[tuple[str, Box]], score: str) -> str:
    """As the detection tool writes them: the highest first."""
    written = (
        f'{{"box": [{_numbers(box)}], "score": {score}, "label": "{label}"}}'
        for label, box in boxes
    )
    return f'{{"detections": [{", ".join(written)}]}}'


def _numbers(box: Box) -> str:
    return ", ".join(map(str, box))


def _score(random_: random.Random) -> str:
    return "1.0" if random_.random() < 0.85 else f"0.{random_.randint(90, 99)}"


def _values(random_: random.Random, count: int) -> tuple[list[float], float, float]:
    """Values, the end of the axis, and the distance of its ticks."""
    step = random_.choice((1, 2, 5)) * 10.0 ** random_.randint(0, 2)
    top = step * random_.randint(4, 7)
    places = random_.sample(range(8, 96), count)
    return [float(f"{top * place / 100:.3g}") for place in places], top, step


def _around(x: float, y: float, text: str, height: int, random_: random.Random) -> Box:
    """Where a text is whose middle is there."""
    half = len(text) * random_.uniform(4.5, 6.0) + 3
    return _clip(x - half, y - height / 2, x + half, y + height / 2, random_)


def _clip(x0: float, y0: float, x1: float, y1: float, random_: random.Random) -> Box:
    near = [round(value + random_.uniform(-2, 2)) for value in (x0, y0, x1, y1)]
    a, b, c, d = (min(999, max(0, value)) for value in near)
    return a, b, max(a + 1, c), max(b + 1, d)


def _ticks(
    random_: random.Random, top: float, step: float, low: float, high: float, at: float, *, up: bool
) -> list[tuple[str, Box]]:
    """Numbers along an axis from `low` (0) to `high` (`top`), beside it at `at`."""
    found = []
    for number in range(int(top / step) + 1):
        text = f"{number * step:g}"
        place = low + (high - low) * number * step / top
        x, y = (at, place) if up else (place, at)
        found.append((text, _around(x, y, text, 36, random_)))
    return found


def _bars(random_: random.Random, names: Sequence[str], *, lying: bool) -> Layout:
    values, top, step = _values(random_, len(names))
    written = random_.random() < 0.6
    left, right = random_.randint(70, 160), random_.randint(930, 980)
    above, base = random_.randint(40, 110), random_.randint(790, 900)
    slot = ((base - above) if lying else (right - left)) / len(names)
    half = slot * random_.uniform(0.3, 0.42)
    layout = Layout("lying" if lying else "upright", [])
    for number, (name, value) in enumerate(zip(names, values, strict=True)):
        if lying:
            y = above + slot * (number + 0.5)
            end = left + (right - left) * value / top
            mark = _clip(left, y - half, end, y + half, random_)
            label = _around(left - 10 - len(name) * 5, y, name, 38, random_)
            beside = (end + 32, y)
        else:
            x = left + slot * (number + 0.5)
            end = base - (base - above) * value / top
            mark = _clip(x - half, end, x + half, base, random_)
            label = _around(x, base + 26, name, 38, random_)
            beside = (x, end - 24)
        text = f"{value:g}" if written else ""
        layout.entries.append(Entry(name, value, label, mark, text))
        layout.texts.append((name, label))
        if written:
            layout.texts.append((text, _around(*beside, text, 36, random_)))
    if lying:
        ticks = _ticks(random_, top, step, left, right, base + 26, up=False)
    else:
        ticks = _ticks(random_, top, step, base, above, left - 26, up=True)
    layout.texts += ticks
    layout.ticks = len(ticks)
    return layout


def _grouped(random_: random.Random, names: Sequence[str], series: Sequence[str]) -> Layout:
    values, top, step = _values(random_, len(names) * len(series))
    written = random_.random() < 0.6
    left, right = random_.randint(70, 160), random_.randint(930, 980)
    above, base = random_.randint(90, 130), random_.randint(790, 860)
    slot = (right - left) / len(names)
    width = slot * 0.8 / len(series)
    layout = Layout("grouped", [], groups={name: [] for name in series})
    for number, name in enumerate(names):
        label = _around(left + slot * (number + 0.5), base + 26, name, 38, random_)
        layout.texts.append((name, label))
        for place, one in enumerate(series):
            value = values[number * len(series) + place]
            x = left + slot * (number + 0.1) + width * (place + 0.5)
            end = base - (base - above) * value / top
            text = f"{value:g}" if written else ""
            mark = _clip(x - width / 2, end, x + width / 2, base, random_)
            layout.groups[one].append(Entry(name, value, label, mark, text))
            if written:
                layout.texts.append((text, _around(x, end - 22, text, 34, random_)))
    ticks = _ticks(random_, top, step, base, above, left - 26, up=True)
    layout.texts += ticks
    layout.ticks = len(ticks)
    return layout


def _wedges(random_: random.Random, names: Sequence[str]) -> Layout:
    """Names in a ring, and their shares in a smaller one."""
    import math

    parts = [random_.uniform(1, 4) for _ in names]
    shares = [max(1, round(100 * part / sum(parts))) for part in parts]
    middle, begin = (random_.randint(420, 580), random_.randint(460, 540)), random_.random()
    layout, done = Layout("wedges", []), 0.0
    for name, share in zip(names, shares, strict=True):
        angle = 2 * math.pi * (begin + (done + share / 2) / sum(shares))
        done += share
        x, y = math.cos(angle), math.sin(angle)
        outer = _around(middle[0] + 330 * x, middle[1] + 420 * y, name, 40, random_)
        text = f"{share}%"
        inner = _around(middle[0] + 170 * x, middle[1] + 220 * y, text, 40, random_)
        mark = _clip(
            middle[0] + 150 * x - 90,
            middle[1] + 200 * y - 110,
            middle[0] + 150 * x + 90,
            middle[1] + 200 * y + 110,
            random_,
        )
        layout.entries.append(Entry(name, share, outer, mark, text))
        layout.texts += [(name, outer), (text, inner)]
    return layout


def _legend(
    random_: random.Random, layout: Layout, names: Sequence[str], colors: Sequence[str]
) -> None:
    """A color before each name, in a row or a column."""
    x, y = (
        random_.randint(150, 500),
        random_.choice((random_.randint(5, 30), random_.randint(940, 960))),
    )
    row = random_.random() < 0.7
    if not row:
        x, y = random_.randint(750, 820), random_.randint(100, 400)
    for name, color in zip(names, random_.sample(colors, len(names)), strict=True):
        width = len(name) * 11
        # What is found is the color and its name together.
        layout.swatches.append((color, name, _clip(x, y, x + 50 + width, y + 20, random_)))
        layout.texts.append((name, _clip(x + 55, y - 10, x + 55 + width, y + 28, random_)))
        if row:
            x += width + 110
        else:
            y += 48


def _head(random_: random.Random, layout: Layout, headings: Sequence[str]) -> None:
    """A title, and what the axes are about."""
    title, across, up = random_.sample(headings, 3)
    layout.texts.append((title, _around(500, 20, title, 40, random_)))
    if layout.kind != "wedges":
        if random_.random() < 0.7:
            layout.texts.append((across, _around(540, 975, across, 36, random_)))
        if random_.random() < 0.7:
            half = len(up) * 7
            layout.texts.append((up, _clip(2, 450 - half, 30, 450 + half, random_)))
