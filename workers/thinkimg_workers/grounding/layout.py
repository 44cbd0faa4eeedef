"""What each text of a chart is for: title, axis label, tick, note."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from thinkimg_workers.grounding.boxes import Box, gap, union_of
from thinkimg_workers.grounding.texts import Words, merged_words
from thinkimg_workers.grounding.things import Thing
from thinkimg_workers.grounding.vocabulary import Role

_NOTE_WORDS = ("note", "source", "survey conducted", "pew research", "graphic by", "data:", "*")
_SAME_SIZE = 0.8
_NEXT_LINE = 0.9
_SAME_INK = 30.0
_OFF_MIDDLE = 0.28
"""How far from the middle of the plot, by its side, the label of an axis may be."""
_LABEL_DISTANCE = 4.5
"""In heights of its text, from the ticks."""


def is_note(words: Words) -> bool:
    return words.text.casefold().startswith(_NOTE_WORDS)


def titles_in(words: Sequence[Words], plot: Box) -> tuple[list[Thing], list[Thing]]:
    """The title, or titles side by side, over a plot, and what is written under it."""
    above = [
        one
        for one in words
        if not (one.upright or one.slanted) and one.box.middle[1] < plot.y0 and not is_note(one)
    ]
    worded = [[one for one in row if _has_words(one)] for row in _blocks(above)]
    blocks = [row for row in worded if row]
    if not blocks:
        return [], []
    # A line over the title is smaller than it.
    first = min(
        range(min(2, len(blocks))),
        key=lambda at: (-(_size(blocks[at]) > 1.25 * _size(blocks[0])), at),
    )
    titles = [Thing("title", one.box, 0.9, one.text) for one in blocks[first]]
    after = blocks[first + 1 : first + 2]
    subtitles = [Thing("subtitle", one.box, 0.8, one.text) for row in after for one in row]
    return titles, subtitles


def _has_words(one: Words) -> bool:
    return sum(map(str.isalpha, one.text)) >= 2


def axis_labels(
    words: Sequence[Words], plot: Box, whole: Box, drawn: NDArray[np.bool_]
) -> tuple[list[Thing], list[Thing], list[Thing], list[Thing]]:
    """Labels of x and of y, ticks of x and of y, of a plot with its surroundings.

    `drawn`: (H, W) where there is anything but paper.
    """
    around = [one for one in words if whole.has_middle_of(one.box)]
    x_ticks, x_labels = _below(around, plot)
    y_labels = _beside(around, plot)
    taken = {id(one) for one in (*y_labels, *x_labels)}
    y_ticks = [
        one
        for one in around
        if id(one) not in taken
        and not one.upright
        and one.box.x1 <= plot.x0 + 0.5 * one.size
        and plot.y0 - one.size <= one.box.middle[1] <= plot.y1 + one.size
    ]
    size = float(np.median([one.size for one in around] or [0]))
    left = min([one.box.x0 for one in y_ticks], default=plot.x0)
    strip = Box(whole.x0, max(whole.y0, plot.y0 - size), left - 2, min(whole.y1, plot.y1 + size))
    return (
        _things("x_label", [merged_words(x_labels)] if x_labels else [], 0.85),
        _y_label(y_labels, strip, size, drawn),
        _things("x_tick", x_ticks, 0.8),
        _things("y_tick", y_ticks, 0.8),
    )


def _y_label(
    words: Sequence[Words], strip: Box, size: float, drawn: NDArray[np.bool_]
) -> list[Thing]:
    """The label that was read, with what belongs to it; else what looks like one.

    Upright text is what readers miss most: some of its words, or all.
    """
    if words:
        label = merged_words(words)
        if label.box.middle[0] > strip.x1:
            return [Thing("y_label", label.box, 0.85, label.text)]
        column = strip._replace(x0=label.box.x0, x1=label.box.x1)
        return [Thing("y_label", _run_through(label.box, column, size, drawn), 0.85, label.text)]
    x0, y0, x1, y1 = (max(0, int(edge)) for edge in strip)
    part = drawn[y0:y1, x0:x1]
    runs = _runs(part, 0, int(0.25 * size)) if part.size else []
    for low, high in runs:
        if not 0.4 * size <= high - low <= 1.4 * size:
            continue
        down = _runs(part[:, low:high], 1, int(size))
        top, bottom = max(down, key=lambda run: run[1] - run[0])
        tall = bottom - top > 2 * (high - low)
        filled = float(part[top:bottom, low:high].mean())
        if tall and 0.1 < filled < 0.7:
            return [Thing("y_label", Box(x0 + low, y0 + top, x0 + high, y0 + bottom), 0.6)]
    return []


def _run_through(box: Box, column: Box, size: float, drawn: NDArray[np.bool_]) -> Box:
    """The box and what goes on above and below it in its column, with no wide gap."""
    x0, y0, x1, y1 = (max(0, int(edge)) for edge in column)
    y0, y1 = min(y0, int(box.y0)), max(y1, int(box.y1))
    middle = box.middle[1] - y0
    for top, bottom in _runs(drawn[y0:y1, x0:x1], 1, int(size)):
        if top <= middle <= bottom:
            return box._replace(y0=min(box.y0, y0 + top), y1=max(box.y1, y0 + bottom))
    return box


def _runs(drawn: NDArray[np.bool_], axis: int, widest_gap: int) -> list[tuple[int, int]]:
    """Where anything is drawn, looked at along an axis, (first, past the last), with no
    attention to gaps up to a width."""
    at = np.flatnonzero(drawn.any(axis=axis))
    if not len(at):
        return []
    breaks = np.flatnonzero(np.diff(at) > widest_gap + 1)
    starts = [int(at[0]), *(int(at[one + 1]) for one in breaks)]
    ends = [*(int(at[one]) + 1 for one in breaks), int(at[-1]) + 1]
    return list(zip(starts, ends, strict=True))


def notes_in(words: Sequence[Words], plot: Box) -> list[Thing]:
    """Sources and remarks under a chart."""
    below = sorted(
        (one for one in words if one.box.y0 >= plot.y1), key=lambda one: one.box.middle[1]
    )
    starts = [at for at, one in enumerate(below) if is_note(one)]
    return _things("note", below[starts[0] :] if starts else [], 0.8)


def _things(role: Role, words: Sequence[Words], sure: float) -> list[Thing]:
    return [Thing(role, one.box, sure, one.text) for one in words]


def _blocks(words: Sequence[Words]) -> list[list[Words]]:
    """Rows of text from top to bottom; lines that go on make one."""
    blocks: list[list[Words]] = []
    for row in rows_of(words):
        joined = _joined(row)
        if blocks and len(joined) == 1 and len(blocks[-1]) == 1:
            last, one = blocks[-1][0], joined[0]
            if _goes_on(last, one):
                blocks[-1] = [merged_words([last, one])]
                continue
        elif blocks and len(joined) == len(blocks[-1]) > 1:
            pairs = list(zip(blocks[-1], joined, strict=True))
            if all(_goes_on(*pair) for pair in pairs):
                blocks[-1] = [merged_words(pair) for pair in pairs]
                continue
        blocks.append(joined)
    return blocks


def rows_of(words: Sequence[Words]) -> list[list[Words]]:
    """From top to bottom, each from left to right."""
    rows: list[list[Words]] = []
    for one in sorted(words, key=lambda one: one.box.middle[1]):
        last = rows[-1] if rows else []
        if last and abs(one.box.middle[1] - last[0].box.middle[1]) < 0.5 * min(
            one.size, last[0].size
        ):
            last.append(one)
        else:
            rows.append([one])
    return [sorted(row, key=lambda one: one.box.x0) for row in rows]


def _joined(row: Sequence[Words]) -> list[Words]:
    """The pieces of a row that are one line of text."""
    parts = [row[0]]
    for one in row[1:]:
        last = parts[-1]
        if one.box.x0 - last.box.x1 < 0.9 * last.size and _same_size(last, one):
            parts[-1] = merged_words([last, one])
        else:
            parts.append(one)
    return parts


def _goes_on(last: Words, one: Words) -> bool:
    if one.box.y0 - last.box.y1 > _NEXT_LINE * last.size or not _same_size(last, one):
        return False
    # Letters smoothed for screens have coloured edges: lightness tells more.
    if float(np.linalg.norm((last.ink - one.ink) * (1, 0.3, 0.3))) > _SAME_INK:
        return False
    left = abs(last.box.x0 - one.box.x0) < last.size
    return left or abs(last.box.middle[0] - one.box.middle[0]) < 1.5 * last.size


def _same_size(one: Words, other: Words) -> bool:
    return min(one.size, other.size) >= _SAME_SIZE * max(one.size, other.size)


def _size(block: Sequence[Words]) -> float:
    return max(one.size for one in block)


def _below(words: Sequence[Words], plot: Box) -> tuple[list[Words], list[Words]]:
    """The ticks under a plot, and the label under them."""
    under = [
        one
        for one in words
        if one.box.middle[1] > plot.y1 - 0.3 * one.size
        and one.box.x1 > plot.x0  # else it is the lowest of the ticks beside the plot
        and one.box.x0 < plot.x1 + 3 * one.size
        and not is_note(one)
    ]
    rows = rows_of([one for one in under if not (one.upright or one.slanted)])
    turned = [one for one in under if one.upright or one.slanted]
    if turned:
        foot = max(one.box.y1 for one in turned)
        ticks, rest = turned, [row for row in rows if row[0].box.middle[1] > foot]
        ticks += [one for row in rows if row[0].box.middle[1] <= foot for one in row]
    elif rows and (len(rows[0]) > 1 or rows[0][0].is_number or len(rows) == 1):
        ticks, rest = list(rows[0]), rows[1:]
        # The second line of names that are too long for one.
        while rest and len(rest[0]) > 1 and _is_next(ticks, rest[0]):
            ticks, rest = ticks + rest[0], rest[1:]
    else:
        ticks, rest = [], rows
    foot = max([one.box.y1 for one in ticks], default=plot.y1)
    if rows and len(rows) == 1 and len(rows[0]) == 1 and not turned and not rows[0][0].is_number:
        ticks, rest, foot = [], rows, plot.y1
    label: list[Words] = []
    for row in rest[:3]:
        one = merged_words(row) if len(_joined(row)) == 1 else None
        if one is None or one.is_number or not _is_centred(one, plot):
            break
        if one.box.y0 - foot > (_LABEL_DISTANCE if not label else 0.6) * one.size:
            break
        label += row
        foot = one.box.y1
    return ticks, label


def _is_next(ticks: Sequence[Words], row: Sequence[Words]) -> bool:
    return row[0].box.y0 - max(one.box.y1 for one in ticks) < 0.4 * row[0].size


def _is_centred(one: Words, plot: Box) -> bool:
    return abs(one.box.middle[0] - plot.middle[0]) < _OFF_MIDDLE * max(plot.width, 6 * one.size)


def _beside(words: Sequence[Words], plot: Box) -> list[Words]:
    """Text that reads up or down, to the left of a plot, else to its right."""
    upright = [
        one
        for one in words
        if one.upright
        and gap(one.box.y0, one.box.y1, plot.y0, plot.y1) < 0
        and any(map(str.isalpha, one.text))
        and len(one.text) > 1
    ]
    left = [one for one in upright if one.box.middle[0] < plot.x0]
    right = [one for one in upright if one.box.middle[0] > plot.x1]
    beside = left or right
    if not beside:
        return []
    middle = plot.middle[1]
    first = min(beside, key=lambda one: (one.box.x0 if left else -one.box.x1,
                                         abs(one.box.middle[1] - middle)))  # fmt: skip
    together = [
        one
        for one in beside
        if gap(one.box.x0, one.box.x1, first.box.x0, first.box.x1) < 0.8 * first.size
        and _same_size(one, first)
    ]
    return sorted(together, key=lambda one: one.box.x0)


def content_of(things: Sequence[Thing], fallback: Box) -> Box:
    """The box around some things."""
    return union_of(thing.box for thing in things) if things else fallback
