"""Questions about lists, and their answers: what the small model reads before it meets a tool.

A lesson is a conversation about one list. Most of its answers are long, so that nearly
every token of them is something to be looked up.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from thinkimg_eval.synthcharts.asked import Asked, Family, Way
from thinkimg_eval.synthcharts.wording import phrase, variants
from thinkimg_train.small.lists import Box, Entry, Layout, detections, spans

Turn = tuple[str, str | tuple[str, ...]]
"""A question, and its answer; or parts of one, of which every second is to be learnt."""


@dataclass(frozen=True)
class Lesson:
    lists: str
    turns: list[Turn]


def table(names: Sequence[str], random_: random.Random, rows: int) -> Lesson:
    """Names with a number or a place each, to be written twice more in other orders."""
    lists, told = _rows(names, random_, rows)
    some = list(told)
    turns: list[Turn] = []
    for _ in range(2):
        random_.shuffle(some)
        # Which name comes next cannot be known: names are given, what belongs to them is learnt.
        parts = [part for name in some for part in (name, f" {told[name]}, ")]
        turns.append(("Again?", tuple(parts)))
    return Lesson(lists, turns)


def row(names: Sequence[str], random_: random.Random, rows: int) -> Lesson:
    """Of such a table, one row to be written again."""
    lists, told = _rows(names, random_, rows)
    name = random_.choice(list(told))
    return Lesson(lists, [("Again?", (name, f" {told[name]}, "))])


def _rows(names: Sequence[str], random_: random.Random, rows: int) -> tuple[str, dict[str, str]]:
    """A table, and what it says of each name."""
    some = random_.sample(names, random_.randint(2, max(2, rows)))
    if random_.random() < 0.5:
        numbers = {name: _any_number(random_) for name in some}
        lists = ", ".join(f"{name} {number}" for name, number in numbers.items())
        told = numbers
    else:
        boxes = {name: _any_box(random_) for name in some}
        lists = spans(list(boxes.items()), random_)
        told = {name: _place(box) for name, box in boxes.items()}
    return lists, told


def _any_number(random_: random.Random) -> str:
    digits = random_.choice((2, 3, 3, 4))
    number = random_.randrange(10 ** (digits - 1), 10**digits)
    return f"{number / 10:g}" if random_.random() < 0.3 else str(number)


def _any_box(random_: random.Random) -> Box:
    x, y = random_.randint(0, 899), random_.randint(0, 939)
    return x, y, x + random_.randint(10, 99), y + random_.randint(10, 59)


@dataclass(frozen=True)
class Seen:
    """A layout, and what of it the lists tell."""

    layout: Layout
    series: str
    """Whose entries are asked for; empty, where there is one only."""
    entries: Sequence[Entry]
    marks: bool
    """Whether a list has the marks of the entries."""
    color: str
    """Whose place in the legend a list has; may be empty."""
    color_name: str
    lists: str


def look_at(layout: Layout, random_: random.Random) -> Seen:
    """Texts always; mostly the marks of one series; the place of a color, if there is a legend."""
    series = random_.choice(list(layout.groups) or [""])
    entries = layout.groups.get(series, layout.entries)
    lists = [spans(layout.texts, random_)]
    marks = layout.kind != "wedges" and random_.random() < 0.8
    if marks:
        label = f"bars of '{series}'" if series else "bars"
        boxes = sorted(((label, entry.mark) for entry in entries), key=lambda one: one[1][1])
        lists.append(detections(boxes, "0.9"))
    color = name = ""
    if layout.swatches and random_.random() < 0.7:
        color, name, swatch = random_.choice(layout.swatches)
        lists.append(detections([(f"{color} legend entry", swatch)], "0.85"))
    return Seen(layout, series, entries, marks, color, name, "\n".join(lists))


def lesson(layout: Layout, random_: random.Random, unasked: frozenset[str] = frozenset()) -> Lesson:
    """A question of each kind; none asks for the number of a name of `unasked`."""
    seen = look_at(layout, random_)
    asked = (make(seen, random_, unasked) for make in QUESTIONS.values())
    turns = [turn for turn in asked if turn is not None]
    random_.shuffle(turns)
    return Lesson(seen.lists, turns)


def lesson_of(kind: str, layout: Layout, random_: random.Random) -> Lesson | None:
    """One question of QUESTIONS; None, if the lists do not tell."""
    seen = look_at(layout, random_)
    turn = QUESTIONS[kind](seen, random_, frozenset())
    return None if turn is None else Lesson(seen.lists, [turn])


def _put(asked: Asked, random_: random.Random) -> str:
    return phrase(asked, random_.randrange(variants(asked)))


def _in(series: str) -> tuple[str, ...]:
    return (series,) if series else ()


def _answer(text: str) -> str:
    return f"<answer>{text}</answer>"


def _copy(seen: Seen, random_: random.Random, _: frozenset[str]) -> Turn:
    """A part of the list, as it is written there."""
    layout = seen.layout
    first = random_.randrange(len(layout.texts))
    some = layout.texts[first : first + random_.randint(2, 5)]
    return f"Read on from {_place(some[0][1])}.", ", ".join(text for text, _ in some)


def _places(seen: Seen, random_: random.Random, _: frozenset[str]) -> Turn | None:
    layout = seen.layout
    some = random_.sample(layout.texts, min(random_.randint(2, 4), len(layout.texts)))
    some = [one for one in some if [text for text, _ in layout.texts].count(one[0]) == 1]
    if not some:
        return None
    return (
        f"Where is {', '.join(text for text, _ in some)}?",
        ", ".join(f"{text} {_place(box)}" for text, box in some),
    )


def _texts(seen: Seen, random_: random.Random, _: frozenset[str]) -> Turn:
    layout = seen.layout
    some = random_.sample(layout.texts, min(random_.randint(2, 4), len(layout.texts)))
    return (
        f"What is at {', '.join(_place(box) for _, box in some)}?",
        ", ".join(text for text, _ in some),
    )


def _place(box: Box) -> str:
    return f"[{', '.join(map(str, box))}]"


def _numbers(seen: Seen, random_: random.Random, unasked: frozenset[str]) -> Turn | None:
    """The numbers of several names."""
    some = [one for one in seen.entries if one.written and one.name not in unasked]
    if not some:
        return None
    random_.shuffle(some)
    of = f" of {seen.series}" if seen.series else ""
    names = ", ".join(one.name for one in some)
    return f"Numbers{of}: {names}?", ", ".join(f"{one.name} {one.written}" for one in some)


def _number(seen: Seen, random_: random.Random, unasked: frozenset[str]) -> Turn | None:
    some = [one for one in seen.entries if one.written and one.name not in unasked]
    if not some:
        return None
    one = random_.choice(some)
    asked = Asked(Family.LABELLED_VALUE, Way.VALUE, (one.name,), _in(seen.series))
    return _put(asked, random_), _answer(one.written.rstrip("%"))


def _marks(seen: Seen, random_: random.Random, _: frozenset[str]) -> Turn | None:
    if not seen.marks:
        return None
    entries = seen.entries
    some = random_.sample(list(entries), min(len(entries), random_.randint(1, 3)))
    return (
        f"Where is the bar of {', '.join(one.name for one in some)}?",
        ", ".join(f"{one.name} {_place(one.mark)}" for one in some),
    )


def _ranked(entries: Sequence[Entry], *, highest: bool) -> list[Entry]:
    return sorted(entries, key=lambda one: one.value, reverse=highest)


def _order(seen: Seen, random_: random.Random, _: frozenset[str]) -> Turn | None:
    """All names from one end of the values to the other."""
    if not seen.marks:
        return None
    entries = seen.entries
    highest = random_.random() < 0.5
    ranked = _ranked(entries, highest=highest)
    of = f" of {seen.series}" if seen.series else ""
    end = "highest" if highest else "lowest"
    written = all(one.written for one in ranked) and random_.random() < 0.5
    return (
        f"Order{of}, {end} first{', with numbers' if written else ''}?",
        ", ".join(f"{one.name} {one.written}" if written else one.name for one in ranked),
    )


def _extreme(seen: Seen, random_: random.Random, _: frozenset[str]) -> Turn | None:
    if not seen.marks:
        return None
    entries = seen.entries
    way = random_.choice((Way.HIGHEST, Way.LOWEST))
    best = _ranked(entries, highest=way is Way.HIGHEST)[0]
    noun = random_.choice(("city", "fruit", "year", "team", "country", "course", "month"))
    asked = Asked(Family.EXTREME, way, series=_in(seen.series), noun=noun)
    return _put(asked, random_), _answer(best.name)


_RANKS = {
    Way.HIGHEST: (True, 0),
    Way.LOWEST: (False, 0),
    Way.SECOND_HIGHEST: (True, 1),
    Way.SECOND_LOWEST: (False, 1),
}


def _compare(seen: Seen, random_: random.Random, _: frozenset[str]) -> Turn | None:
    if not seen.marks:
        return None
    entries = seen.entries
    way, (highest, rank) = random_.choice(list(_RANKS.items()))
    some = random_.sample(list(entries), random_.randint(2, len(entries)))
    best = _ranked(some, highest=highest)[rank]
    asked = Asked(Family.COMPARE, way, tuple(one.name for one in some), _in(seen.series))
    return _put(asked, random_), _answer(best.name)


def _count(seen: Seen, random_: random.Random, _: frozenset[str]) -> Turn | None:
    if not seen.marks:
        return None
    entries = seen.entries
    way = random_.choice((Way.ABOVE, Way.BELOW))
    than = random_.choice(list(entries))
    count = sum((one.value > than.value) == (way is Way.ABOVE) for one in entries if one != than)
    asked = Asked(Family.COUNT, way, (than.name,), _in(seen.series))
    return _put(asked, random_), _answer(str(count))


def _yes_no(seen: Seen, random_: random.Random, _: frozenset[str]) -> Turn | None:
    if not seen.marks:
        return None
    entries = seen.entries
    way = random_.choice((Way.ABOVE, Way.BELOW))
    one, other = random_.sample(list(entries), 2)
    asked = Asked(Family.YES_NO, way, (one.name, other.name), _in(seen.series))
    right = (one.value > other.value) == (way is Way.ABOVE)
    return _put(asked, random_), _answer("yes" if right else "no")


def _color(seen: Seen, random_: random.Random, _: frozenset[str]) -> Turn | None:
    if not seen.color:
        return None
    asked = Asked(Family.COLOR_TO_SERIES, Way.SHOWN, color=seen.color)
    return _put(asked, random_), _answer(seen.color_name)


QUESTIONS: dict[str, Callable[[Seen, random.Random, frozenset[str]], Turn | None]] = {
    "read on": _copy,
    "place": _places,
    "text": _texts,
    "numbers": _numbers,
    "number": _number,
    "mark": _marks,
    "order": _order,
    "extreme": _extreme,
    "compare": _compare,
    "count": _count,
    "yes_no": _yes_no,
    "color": _color,
}
"""By their kind; None where the lists do not tell."""
