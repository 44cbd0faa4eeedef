"""What stands beside what in a chart, name after name: nearly every token of it is looked up."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

from thinkimg_eval.synthcharts.planner.evidence import seen as told
from thinkimg_train.small.lessons import Lesson, Seen, Turn, look_at, mentioned
from thinkimg_train.small.lists import Entry, Layout, detections

Pair = tuple[str, str]
"""What is given, and what belongs to it."""

MOST_KINDS, MOST_PAIRS = 4, 12
"""Of a lesson, and of a kind."""


def lookups(
    layout: Layout, random_: random.Random, unasked: frozenset[str], *, widened: bool = True
) -> Lesson:
    """Several kinds of look-up in one chart, none of a name of `unasked`.

    Args:
        widened: with numbers that are not written, with names listed in the question, and with
            other signs between pairs than commas.
    """
    lists, seen = _lists(layout, random_)
    turns: list[Turn] = []
    kinds = [kind for kind in LOOKUPS if widened or kind != "Ends"]
    for kind in random_.sample(kinds, len(kinds)):
        pairs = [pair for pair in _pairs(kind, seen) if not mentioned(unasked, " ".join(pair))]
        if not pairs or len(turns) == MOST_KINDS:
            continue
        some = random_.sample(pairs, min(MOST_PAIRS, len(pairs)))
        listed = widened and kind in _OF_WORDS and random_.random() < 0.5
        end = random_.choice(_ENDS) if widened else _ENDS[0]
        turn = _turn(kind, seen, some, end, listed=listed)
        if not mentioned(unasked, turn[0]):
            turns.append(turn)
    return Lesson(lists, turns)


def lookup_of(kind: str, layout: Layout, random_: random.Random) -> Lesson | None:
    """One pair of a kind of LOOKUPS; None, if the lists do not tell any."""
    lists, seen = _lists(layout, random_)
    pairs = _pairs(kind, seen)
    return Lesson(lists, [_turn(kind, seen, [random_.choice(pairs)])]) if pairs else None


def _lists(layout: Layout, random_: random.Random) -> tuple[str, Seen]:
    """As an eager reader has them: all colors of the legend as well."""
    seen = look_at(layout, random_)
    lists = seen.lists
    if not seen.color:
        swatches = random_.sample(layout.swatches, len(layout.swatches))
        for color, _, box in swatches:
            lists += "\n" + detections([(f"{color} legend entry", box)], "0.85")
    return lists, seen


def _turn(
    kind: str, seen: Seen, pairs: Sequence[Pair], end: str = ", ", *, listed: bool = False
) -> Turn:
    """A question and what is looked up for it, pair by pair; if they are `listed` in the question,
    what is given is learnt as well: it is the next of the list."""
    of = f" of {seen.series}" if seen.series and kind in _OF_SERIES else ""
    if listed:
        asked = ", ".join(given for given, _ in pairs)
        answer = "".join(f"{given} {found}{end}" for given, found in pairs)
        return f"{kind}{of}: {asked}?", answer
    parts = [part for given, found in pairs for part in (given, f" {found}{end}")]
    return f"{kind}{of}?", tuple(parts)


def _pairs(kind: str, seen: Seen) -> list[Pair]:
    """Those of which what is given stands there once."""
    pairs = LOOKUPS[kind](seen)
    often = Counter(given for given, _ in pairs)
    return [pair for pair in pairs if often[pair[0]] == 1]


def _numbers(seen: Seen) -> list[Pair]:
    return [_pair(seen, one, one.written) for one in seen.entries if one.written]


def _bars(seen: Seen) -> list[Pair]:
    return [_pair(seen, one) for one in seen.entries if seen.marks]


def _pair(seen: Seen, one: Entry, *number: str) -> Pair:
    """A name, and what stands beside it, one after the other."""
    return one.name, told(one.label, one.mark if seen.marks else "", *number)


def _ends(seen: Seen) -> list[Pair]:
    """Where on the axis a bar ends, after its box."""
    if not seen.marks or seen.layout.kind == "wedges":
        return []
    edge = 2 if seen.layout.kind == "lying" else 1
    return [_pair(seen, one, str(one.mark[edge])) for one in seen.entries]


def _names_of_bars(seen: Seen) -> list[Pair]:
    return [(told(one.mark), one.name) for one in seen.entries if seen.marks]


def _colors(seen: Seen) -> list[Pair]:
    pairs = [(color, told(box, name)) for color, name, box in seen.layout.swatches]
    return [pair for pair in pairs if not seen.color or pair[0] == seen.color]


def _texts(seen: Seen) -> list[Pair]:
    return [(told(box), text) for text, box in seen.layout.texts]


def _places(seen: Seen) -> list[Pair]:
    return [(text, told(box)) for text, box in seen.layout.texts]


LOOKUPS: dict[str, Callable[[Seen], list[Pair]]] = {
    "Numbers": _numbers,
    "Bars": _bars,
    "Ends": _ends,
    "Names of bars": _names_of_bars,
    "Colors": _colors,
    "Texts": _texts,
    "Places": _places,
}
"""By what is asked."""
_OF_SERIES = ("Numbers", "Bars", "Ends", "Names of bars")
_OF_WORDS = ("Numbers", "Bars", "Ends", "Colors", "Places")
"""What is given is a name or a color."""
_ENDS = (", ", ", ", ". ", "; ")
"""Of a pair: what follows a number is a part of its token, or is not."""
