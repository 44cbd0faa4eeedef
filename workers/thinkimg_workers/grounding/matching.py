"""Which of the things in a picture a wish means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from thinkimg_workers.grounding.boxes import Box, gap, overlap, union_of
from thinkimg_workers.grounding.color_names import fits
from thinkimg_workers.grounding.scene import Scene
from thinkimg_workers.grounding.texts import Words, covered, likeness
from thinkimg_workers.grounding.things import Thing
from thinkimg_workers.grounding.vocabulary import Role
from thinkimg_workers.grounding.wish import Wish

_DATA: tuple[Role, ...] = ("bar", "line", "wedge", "marker")
_PICKED: tuple[Role, ...] = (*_DATA, "region", "pie")
"""What is told apart by names and colours."""
_ALONE: tuple[Role, ...] = ("title", "subtitle", "legend", "x_label", "y_label", "x_axis",
                            "y_axis", "plot_area", "pie")  # fmt: skip
"""What there is one of: further words about it change nothing."""
_OF_LINES: tuple[Role, ...] = ("title", "subtitle", "x_label", "y_label")
_SECOND_ROLE = 0.75
"""How much less what a word means in the second place is worth."""
_NAMED = 0.7
"""How much of a name must be in the description."""
_EXACT = 0.75
"""The score of a text that is word for word what was asked for, nearly."""
_AS_GOOD = 0.97
"""Names so much alike are both meant; "Republican men" is not "Republican women"."""
_SAME_THING = 0.85
_MOST_COMPARED = 400
"""Of more matches, which only photographs have, the surest."""
_SAME_COLOR = 22.0
"""How far a label's ink may be from the line it names, in Lab."""
_DISTINCT = 10.0
"""Chroma from which ink has a colour of its own."""
_LESS_LIKELY = 0.6


@dataclass(frozen=True)
class Match:
    """A thing, and how well it is what was asked for, 0 to 1."""

    thing: Thing
    score: float


def matches_of(wish: Wish, scene: Scene) -> list[Match]:
    """What a wish means, best first."""
    matches = _written(wish, scene) if wish.only_text else _shaped(wish, scene)
    matches = _placed(wish, [match for match in matches if match.score > 0], scene)
    return _once_each(matches)


def _shaped(wish: Wish, scene: Scene) -> list[Match]:
    """Things of a shape or colour, and a name if one is given."""
    roles: tuple[Role, ...] = wish.roles or (*_DATA, "region")
    matches: list[Match] = []
    for order, role in enumerate(roles):
        things = scene.with_role(role)
        found = [Match(thing, thing.sure) for thing in things]
        if wish.colors:
            found = _colored(wish, found, scene)
        if wish.rest and role not in _ALONE:
            found = _named(wish, found, scene)
        # "segment" is of a pie or of a bar: whichever there is.
        worth = _SECOND_ROLE if order and matches and wish.roles else 1.0
        matches += [Match(match.thing, match.score * worth) for match in found]
    return matches


def _colored(wish: Wish, matches: Sequence[Match], scene: Scene) -> list[Match]:
    """Those of the colours asked for, judged beside all the colours of the chart."""
    palette = scene.palette
    marks = [*scene.marks.data, *scene.with_role("swatch"), *(match.thing for match in matches)]
    used = sorted({thing.color for thing in marks if thing.color is not None})
    by_word = [fits(word, palette.lab[used], wish.shade) for word in wish.colors]
    worth = np.max(by_word, axis=0) if by_word else np.zeros(0)
    of_color = dict(zip(used, worth.tolist(), strict=True))
    found = []
    for match in matches:
        if match.thing.color is not None:
            found.append(Match(match.thing, match.score * of_color[match.thing.color]))
        elif match.thing.role in ("text", "panel", "legend"):
            found.append(match)
    return found


def _named(wish: Wish, matches: Sequence[Match], scene: Scene) -> list[Match]:
    """Those that go by the names in the description."""
    if not matches:
        return []
    role = matches[0].thing.role
    if role not in _PICKED:
        asked = " ".join(wish.rest)
        return [Match(one.thing, one.score * likeness(asked, one.thing.text)) for one in matches]
    return _picked(wish.rest, matches, scene)


def _picked(rest: tuple[str, ...], matches: Sequence[Match], scene: Scene) -> list[Match]:
    """Marks by the series, the category, or both that they are named after."""
    entries = [entry for legend in scene.legends for entry in legend.entries]
    series, used = _best_named(rest, [entry.name.text for entry in entries])
    kept = list(matches)
    if series:
        colors = {entries[at].swatch.color: worth for at, worth in series.items()}
        kept = [
            Match(one.thing, one.score * colors[one.thing.color])
            for one in kept
            if one.thing.color is not None and one.thing.color in colors
        ]
        rest = tuple(word for word, gone in zip(rest, used, strict=True) if not gone)
        if not rest:
            return kept
    labels = scene.free_words
    names, _ = _best_named(rest, [one.text for one in labels])
    by_label: dict[int, Match] = {}
    for at, worth in names.items():
        for match in _belonging(labels[at], kept, scene):
            better = Match(match.thing, match.score * worth)
            if better.score > by_label.get(id(match.thing), Match(match.thing, 0)).score:
                by_label[id(match.thing)] = better
    if by_label or names or not series:
        return list(by_label.values())
    return [Match(one.thing, one.score * _LESS_LIKELY) for one in kept]


def _best_named(
    asked: tuple[str, ...], names: Sequence[str]
) -> tuple[dict[int, float], np.ndarray]:
    """The names that the words asked for contain, with their worth; which words they took.

    Of several, those that account for the most words.
    """
    found: dict[int, tuple[int, float]] = {}
    took: dict[int, np.ndarray] = {}
    for at, name in enumerate(names):
        there = covered(asked, name)
        if not there.any():
            continue
        own = " ".join(word for word, is_there in zip(asked, there, strict=True) if is_there)
        worth = likeness(own, name)
        if worth >= _NAMED:
            found[at] = (int(there.sum()), worth)
            took[at] = there
    if not found:
        return {}, np.zeros(len(asked), bool)
    most = max(count for count, _ in found.values())
    best = {at: worth for at, (count, worth) in found.items() if count == most}
    top = max(best.values())
    best = {at: worth for at, worth in best.items() if worth >= _AS_GOOD * top}
    return best, np.any([took[at] for at in best], axis=0)


def _belonging(label: Words, matches: Sequence[Match], scene: Scene) -> list[Match]:
    """The marks that a text stands at, or beside, or on."""
    found: list[Match] = []
    bars = [one for one in matches if one.thing.role == "bar"]
    found += _bars_at(label, bars, scene)
    found += _wedges_at(label, [one for one in matches if one.thing.role == "wedge"], scene)
    lines = [one for one in matches if one.thing.role == "line"]
    found += _line_at(label, lines, scene)
    loose = [one for one in matches if one.thing.role in ("marker", "region", "pie")]
    near = [one for one in loose if _distance(one.thing.box, label.box) < 1.5 * label.size]
    if near:
        found.append(min(near, key=lambda one: _distance(one.thing.box, label.box)))
    return found


def _bars_at(label: Words, bars: Sequence[Match], scene: Scene) -> list[Match]:
    """Of the names in a row under the bars, or in a column beside them, each has its own."""
    if not bars:
        return []
    on = [one for one in bars if one.thing.box.has_middle_of(label.box)]
    if on:
        return on
    up = scene.marks.direction == "up"
    low, high = (0, 2) if up else (1, 3)

    def at(box: Box) -> float:
        return (box[low] + box[high]) / 2

    if up:
        row = [one for one in scene.free_words
               if gap(one.box.y0, one.box.y1, label.box.y0, label.box.y1) < 0]  # fmt: skip
    else:
        row = [one for one in scene.free_words
               if abs(one.box.x1 - label.box.x1) < label.size
               or gap(one.box.x0, one.box.x1, label.box.x0, label.box.x1) < 0]  # fmt: skip
        row = [one for one in row if one.box.middle[0] < label.box.x1 + label.size]
    pitch = 1.2 * max(one.thing.box[high] - one.thing.box[low] for one in bars)
    found = []
    for one in bars:
        nearest = min(row, key=lambda other: abs(at(other.box) - at(one.thing.box)))
        near = abs(at(label.box) - at(one.thing.box)) < max(pitch * 3, 3 * label.size)
        if nearest is not label or not near or not _same_panel(label.box, one.thing.box, scene):
            continue
        if up or not _is_cut_off(label, one.thing.box, scene):
            found.append(one)
    return found


def _is_cut_off(label: Words, bar: Box, scene: Scene) -> bool:
    """Whether another name stands between a name and a bar in its row, as in the next panel."""
    return any(
        not one.is_number
        and label.box.x1 < one.box.x0
        and one.box.x1 <= bar.x0 + 2
        and gap(one.box.y0, one.box.y1, bar.y0, bar.y1) < -0.5 * one.box.height
        and not any(other.box.has_middle_of(one.box) for other in scene.marks.bars)
        for one in scene.free_words
    )


def _same_panel(one: Box, other: Box, scene: Scene) -> bool:
    homes = [whole for _, whole in scene.plots if whole.has_middle_of(one)]
    return not homes or any(home.has_middle_of(other) for home in homes)


def _wedges_at(label: Words, wedges: Sequence[Match], scene: Scene) -> list[Match]:
    """The wedge under a text, or the one on the way from it to the middle of the pie."""
    if not wedges:
        return []
    pie = min(scene.marks.pies, key=lambda pie: _distance(pie.box, label.box)).box
    (x, y), (to_x, to_y) = label.box.middle, pie.middle
    away = max(1.0, float(np.hypot(x - to_x, y - to_y)))
    inner = min(1.0, 0.42 * pie.width / away)
    spots = [(x, y), *((to_x + (x - to_x) * part, to_y + (y - to_y) * part)
                       for part in (inner, 0.8 * inner))]  # fmt: skip
    for spot in spots:
        for match in wedges:
            if any(_is_on(piece.mask, piece.box, *spot) for piece in match.thing.pieces):
                return [match]
    return []


def _is_on(mask: np.ndarray, box: Box, x: float, y: float) -> bool:
    column, row = int(x - box.x0), int(y - box.y0)
    return 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1] and bool(mask[row, column])


def _line_at(label: Words, lines: Sequence[Match], scene: Scene) -> list[Match]:
    """The line of a label's colour, else the nearest."""
    if not lines:
        return []
    if float(np.hypot(*label.ink[1:])) > _DISTINCT:
        lab = scene.palette.lab

        def difference(match: Match) -> float:
            return float(np.linalg.norm(lab[match.thing.color or 0] - label.ink))

        best = min(lines, key=difference)
        if difference(best) < _SAME_COLOR:
            return [best]

    def away(match: Match) -> float:
        return min(_distance(piece.box, label.box) if len(match.thing.pieces) > 1
                   else _away(piece, label.box) for piece in match.thing.pieces[:20])  # fmt: skip

    nearest = min(lines, key=away)
    worth = 1.0 if away(nearest) < 3 * label.size else 0.0
    return [Match(nearest.thing, nearest.score * worth * 0.9)]


def _away(piece: object, box: Box) -> float:
    """From a box to the nearest pixel of a piece."""
    mask, place = piece.mask, piece.box  # type: ignore[attr-defined]
    rows, columns = np.nonzero(mask)
    x, y = columns + place.x0, rows + place.y0
    aside = np.maximum(np.maximum(box.x0 - x, x - box.x1), 0)
    below = np.maximum(np.maximum(box.y0 - y, y - box.y1), 0)
    return float(np.hypot(aside, below).min())


def _distance(one: Box, other: Box) -> float:
    aside = max(0.0, gap(one.x0, one.x1, other.x0, other.x1))
    below = max(0.0, gap(one.y0, one.y1, other.y0, other.y1))
    return float(np.hypot(aside, below))


def _written(wish: Wish, scene: Scene) -> list[Match]:
    """What is called by a name: the marks of a series, and the text itself."""
    asked = " ".join(wish.rest) or wish.label
    words = tuple(wish.rest) or (wish.label,)
    texts = [
        Match(Thing("text", one.box, 0.8, one.text), 0.8 * likeness(asked, one.text))
        for one in scene.words
    ]
    # A title of several lines is one text.
    texts += [
        Match(one, 0.85 * likeness(asked, one.text))
        for role in _OF_LINES
        for one in scene.with_role(role)
    ]
    texts = [match for match in texts if match.score >= 0.4]
    entries = [entry for legend in scene.legends for entry in legend.entries]
    likely = [(entry, likeness(asked, entry.name.text)) for entry in entries]
    least = max(_NAMED, _AS_GOOD * max([worth for _, worth in likely], default=0))
    named = {entry.swatch.color: worth for entry, worth in likely if worth >= least}
    marks = [Match(thing, thing.sure) for thing in scene.marks.data]
    if named:
        own = [Match(one.thing, one.score * named[one.thing.color])
               for one in marks if one.thing.color in named]  # fmt: skip
        shown = [
            Match(thing, 0.7 * likeness(asked, thing.text))
            for thing in scene.with_role("legend_entry")
            if likeness(asked, thing.text) >= least
        ]
        boxes = [match.thing.box.grown(2) for match in shown]
        texts = [
            one
            for one in texts
            if one.score >= _EXACT and not any(box.has_middle_of(one.thing.box) for box in boxes)
        ]
        return [*own, *shown, *(Match(one.thing, one.score * 0.7) for one in texts)]
    at = [Match(one.thing, one.score * _LESS_LIKELY) for one in _picked(words, marks, scene)]
    lines = [Match(one.thing, one.score / _LESS_LIKELY) for one in at if one.thing.role == "line"]
    return [*lines, *texts, *(one for one in at if one.thing.role != "line")]


def _placed(wish: Wish, matches: Sequence[Match], scene: Scene) -> list[Match]:
    """The highest, the second, the one at the top right, where that is asked for."""
    chosen = sorted(matches, key=lambda match: -match.score)
    if not chosen:
        return []
    if wish.superlative or wish.ordinal is not None:
        likely = [match for match in chosen if match.score >= 0.7 * chosen[0].score]
        if wish.superlative:
            measure = _measure(wish.superlative, scene)
            best = max(measure(match.thing) for match in likely)
            chosen = [match for match in likely if measure(match.thing) >= best - 0.5]
        elif wish.ordinal is not None:
            ordered = _ordered(likely, scene)
            wanted = wish.ordinal if wish.ordinal >= 0 else len(ordered) - 1
            chosen = ordered[wanted : wanted + 1]
    if wish.places and len(chosen) > 1:
        chosen = _toward(wish.places, chosen)
    return chosen


def _measure(superlative: str, scene: Scene) -> Callable[[Thing], float]:
    """What is largest for the thing asked for."""
    sides = {"leftmost": (0, -1), "rightmost": (2, 1), "topmost": (1, -1), "bottommost": (3, 1)}
    if superlative in sides:
        edge, sign = sides[superlative]
        return lambda thing: sign * thing.box[edge]
    sign = 1 if superlative == "most" else -1
    up = scene.marks.direction == "up"

    def extent(thing: Thing) -> float:
        if thing.role == "bar":
            return sign * (thing.box.height if up else thing.box.width)
        if thing.role in ("line", "marker"):
            return -thing.box.y0 if sign > 0 else thing.box.y1
        return sign * float(thing.pieces[0].area if thing.pieces else thing.box.area)

    return extent


def _ordered(matches: Sequence[Match], scene: Scene) -> list[Match]:
    """As one would count them."""
    panels = matches[0].thing.role == "panel"
    if panels:
        return sorted(matches, key=lambda match: scene.panels.index(match.thing))
    boxes = [match.thing.box for match in matches]
    around = union_of(boxes)
    along = max(box.height for box in boxes) < 0.3 * around.height and all(
        abs(box.x0 - boxes[0].x0) < 3 for box in boxes
    )
    return sorted(matches, key=lambda match: match.thing.box.y0 if along else match.thing.box.x0)


def _toward(places: Sequence[tuple[int, int]], matches: Sequence[Match]) -> list[Match]:
    """Those farthest the ways that were said."""
    x, y = np.sum(places, axis=0).clip(-1, 1).tolist()
    around = union_of(match.thing.box for match in matches)

    def share(match: Match) -> float:
        middle_x, middle_y = match.thing.box.middle
        across = (middle_x - around.x0) / max(1.0, around.width) - 0.5
        down = (middle_y - around.y0) / max(1.0, around.height) - 0.5
        return float(x * across + y * down)

    best = max(map(share, matches))
    return [match for match in matches if share(match) >= best - 0.08]


def _once_each(matches: Sequence[Match]) -> list[Match]:
    """Best first; of the same box twice, the better."""
    kept: list[Match] = []
    for match in sorted(matches, key=lambda match: -match.score)[:_MOST_COMPARED]:
        if all(overlap(match.thing.box, one.thing.box) < _SAME_THING for one in kept):
            kept.append(match)
    return kept
