"""Questions about lists, and their answers: what the small model reads before it meets a tool.

A lesson is a conversation about one list. Most of its answers are long, so that nearly
every token of them is something to be looked up.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from thinkimg_eval.synthcharts.asked import Asked, Family, Way
from thinkimg_eval.synthcharts.planner.evidence import seen as told
from thinkimg_eval.synthcharts.planner.values import rounded
from thinkimg_eval.synthcharts.wording import phrase, variants
from thinkimg_train.collect.wording import in_other_words
from thinkimg_train.small.lists import Box, Entry, Layout, detections, spans

Turn = tuple[str, str | tuple[str, ...]]
"""A question, and its answer; or parts of one, of which every second is to be learnt."""


@dataclass(frozen=True)
class Lesson:
    lists: str
    turns: list[Turn]
    ahead: bool = False
    """Whether the first question stands before the lists."""


def table(names: Sequence[str], random_: random.Random, rows: int) -> Lesson:
    """Names with a number each, to be written twice more in other orders."""
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
    told = {name: _any_number(random_) for name in some}
    lists = ", ".join(f"{name} {number}" for name, number in told.items())
    return lists, told


def _any_number(random_: random.Random) -> str:
    digits = random_.choice((2, 3, 3, 4))
    number = random_.randrange(10 ** (digits - 1), 10**digits)
    return f"{number / 10:g}" if random_.random() < 0.3 else str(number)


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
    color_box: Box | None
    lists: str

    def evidence(self, one: Entry, *, measured: bool = False) -> str:
        """What the lists tell of an entry, one beside the other; `measured`: also what its number
        is where none is written."""
        number = one.text if measured else one.quoted
        return told(one.name, one.label, one.mark if self.marks else "", number)


_LABELS = {"wedges": "slices"}
"""Of what is no bar."""


def look_at(layout: Layout, random_: random.Random) -> Seen:
    """Texts always; mostly the marks of one series; the place of a color, if there is a legend."""
    series = random_.choice(list(layout.groups) or [""])
    entries = layout.groups.get(series, layout.entries)
    lists = [spans(layout.texts, random_)]
    marks = random_.random() < 0.8
    if marks:
        label = f"bars of '{series}'" if series else _LABELS.get(layout.kind, "bars")
        boxes = sorted(((label, entry.mark) for entry in entries), key=lambda one: one[1][1])
        lists.append(detections(boxes, "0.9"))
    color, name, swatch = "", "", None
    if layout.swatches and random_.random() < 0.7:
        color, name, swatch = random_.choice(layout.swatches)
        lists.append(detections([(f"{color} legend entry", swatch)], "0.85"))
    return Seen(layout, series, entries, marks, color, name, swatch, "\n".join(lists))


def lesson(layout: Layout, random_: random.Random, unasked: frozenset[str] = frozenset()) -> Lesson:
    """Two questions of each kind; no name of `unasked` is in a question or an answer."""
    seen = look_at(layout, random_)
    asked = [make(seen, random_) for make in (*QUESTIONS.values(), *QUESTIONS.values())]
    turns: list[Turn] = [
        (question, _said(answer, random_))
        for question, answer in (turn for turn in asked if turn is not None)
        if not mentioned(unasked, f"{question} {answer.thought} {answer.text}")
    ]
    random_.shuffle(turns)
    return Lesson(seen.lists, turns, ahead=random_.random() < 0.5)


def mentioned(names: frozenset[str], text: str) -> bool:
    return any(name in text for name in names)


def lesson_of(kind: str, layout: Layout, random_: random.Random) -> Lesson | None:
    """One question of QUESTIONS, answered in a word; None, if the lists do not tell."""
    seen = look_at(layout, random_)
    turn = QUESTIONS[kind](seen, random_)
    if turn is None:
        return None
    question, answer = turn
    return Lesson(seen.lists, [(question, f"<answer>{answer.text}</answer>")])


@dataclass(frozen=True)
class Answer:
    text: str
    thought: str
    """What leads to it."""


Answered = tuple[str, Answer]
"""A question and its answer."""


def _said(answer: Answer, random_: random.Random) -> str:
    """Mostly after a thought."""
    said = f"<answer>{answer.text}</answer>"
    if random_.random() < 0.2:
        return said
    return f"{in_other_words(answer.thought, random_)}\n{said}"


def _put(asked: Asked, random_: random.Random) -> str:
    return phrase(asked, random_.randrange(variants(asked)))


def _in(series: str) -> tuple[str, ...]:
    return (series,) if series else ()


def _number(seen: Seen, random_: random.Random) -> Answered | None:
    some = [one for one in seen.entries if one.written]
    if not some:
        return None
    one = random_.choice(some)
    asked = Asked(Family.LABELLED_VALUE, Way.VALUE, (one.name,), _in(seen.series))
    if seen.layout.kind == "wedges":
        return _put(asked, random_), Answer(one.text, f"{one.text} is written at {one.name}.")
    return _put(asked, random_), Answer(one.text, f"I see {seen.evidence(one)}.")


def _on_axis(seen: Seen, random_: random.Random) -> Answered | None:
    """A number that is not written, from the ends of the bars and the numbers of the axis."""
    written = seen.entries[0].written
    if not seen.marks or not seen.layout.ticks or written or seen.layout.kind == "wedges":
        return None
    one = random_.choice(seen.entries)
    asked = Asked(Family.UNLABELLED_VALUE, Way.VALUE, (one.name,), _in(seen.series))
    thought = random_.choice(
        (f"On the axis that is about {one.text}.", f"I see {seen.evidence(one)}.")
    )
    return _put(asked, random_), Answer(one.text, thought)


def _told(seen: Seen) -> bool:
    """Whether values can be compared: by what is written, or by how long the bars are."""
    if seen.layout.kind == "wedges":
        return bool(seen.entries[0].written)
    return seen.marks


def _ranked(entries: Sequence[Entry], *, highest: bool) -> list[Entry]:
    return sorted(entries, key=lambda one: one.value, reverse=highest)


def _in_order(ranked: Sequence[Entry]) -> str:
    return f"In order: {', '.join(f'{one.name} {one.text}' for one in ranked[:3])}."


def _extreme(seen: Seen, random_: random.Random) -> Answered | None:
    if not _told(seen):
        return None
    way = random_.choice((Way.HIGHEST, Way.LOWEST))
    ranked = _ranked(seen.entries, highest=way is Way.HIGHEST)
    noun = random_.choice(("city", "fruit", "year", "team", "country", "course", "month"))
    asked = Asked(Family.EXTREME, way, series=_in(seen.series), noun=noun)
    if seen.layout.kind == "wedges":
        return _put(asked, random_), Answer(ranked[0].name, _in_order(ranked))
    thought = f"I see {told(ranked[0].mark, ranked[0].name, ranked[0].quoted)}."
    return _put(asked, random_), Answer(ranked[0].name, thought)


_RANKS = {
    Way.HIGHEST: (True, 0),
    Way.LOWEST: (False, 0),
    Way.SECOND_HIGHEST: (True, 1),
    Way.SECOND_LOWEST: (False, 1),
}


def _compare(seen: Seen, random_: random.Random) -> Answered | None:
    if not _told(seen):
        return None
    way, (highest, rank) = random_.choice(list(_RANKS.items()))
    some = random_.sample(list(seen.entries), random_.randint(2, len(seen.entries)))
    ranked = _ranked(some, highest=highest)
    asked = Asked(Family.COMPARE, way, tuple(one.name for one in some), _in(seen.series))
    if seen.layout.kind == "wedges":
        return _put(asked, random_), Answer(ranked[rank].name, _in_order(ranked))
    thought = f"I see {', '.join(map(seen.evidence, some))}."
    return _put(asked, random_), Answer(ranked[rank].name, thought)


def _count(seen: Seen, random_: random.Random) -> Answered | None:
    """Above or below a number, or one of them."""
    if not _told(seen):
        return None
    entries = seen.entries
    way = random_.choice((Way.ABOVE, Way.BELOW))
    than = random_.choice(list(entries))
    if random_.random() < 0.6:
        number, others = _threshold(seen, random_), list(entries)
        limit = f"{number:g}"
        asked = Asked(Family.COUNT, way, (), _in(seen.series), threshold=number)
    else:
        number, others = than.value, [one for one in entries if one is not than]
        limit = than.quoted or than.name
        asked = Asked(Family.COUNT, way, (than.name,), _in(seen.series))
    count = sum((one.value > number) == (way is Way.ABOVE) for one in others)
    thought = f"{count} of {len(others)} values are {way} {limit}."
    return _put(asked, random_), Answer(str(count), thought)


def _threshold(seen: Seen, random_: random.Random) -> float:
    """A round number that no entry has."""
    values = sorted(one.value for one in seen.entries)
    low, high = values[0], values[-1]
    for digits in (1, 2, 3):
        number = float(f"{random_.uniform(low, high):.{digits}g}")
        if number not in values:
            return number
    return low / 2


def _yes_no(seen: Seen, random_: random.Random) -> Answered | None:
    if not _told(seen):
        return None
    way = random_.choice((Way.ABOVE, Way.BELOW))
    one, other = random_.sample(list(seen.entries), 2)
    against = random_.random() < 0.5
    number = _threshold(seen, random_) if against else other.value
    right = (one.value > number) == (way is Way.ABOVE)
    if against:
        asked = Asked(Family.YES_NO, way, (one.name,), _in(seen.series), threshold=number)
    else:
        asked = Asked(Family.YES_NO, way, (one.name, other.name), _in(seen.series))
    if seen.layout.kind == "wedges":
        thought = f"{one.text} against {rounded(number)}."
    else:
        second = rounded(number) if against else seen.evidence(other)
        thought = f"I see {seen.evidence(one, measured=against)}, {second}."
    return _put(asked, random_), Answer("yes" if right else "no", thought)


def _color(seen: Seen, random_: random.Random) -> Answered | None:
    if not seen.color:
        return None
    asked = Asked(Family.COLOR_TO_SERIES, Way.SHOWN, color=seen.color)
    thought = f"I see {told(seen.color_box or '', seen.color_name)}."
    return _put(asked, random_), Answer(seen.color_name, thought)


QUESTIONS: dict[str, Callable[[Seen, random.Random], Answered | None]] = {
    "number": _number,
    "on axis": _on_axis,
    "extreme": _extreme,
    "compare": _compare,
    "count": _count,
    "yes_no": _yes_no,
    "color": _color,
}
"""By their kind; None where the lists do not tell."""
