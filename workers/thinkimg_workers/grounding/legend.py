"""Legends: rows or columns of a swatch with a name beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_workers.grounding.boxes import Box, gap, union_of
from thinkimg_workers.grounding.glyphs import letters_among
from thinkimg_workers.grounding.palette import NO_COLOR, Palette
from thinkimg_workers.grounding.pieces import Piece
from thinkimg_workers.grounding.texts import Words, merged_words

_TALLEST, _WIDEST, _NARROWEST = 1.5, 5.5, 0.3
"""A swatch's size, in heights of the text beside it."""
_LEAST_AREA = 0.06
_FARTHEST = 2.4
"""The gap between swatch and name."""
_NEXT_ROW, _NEXT_COLUMN = 2.6, 9.0
"""The gaps between entries of one legend."""
_ALIKE = 0.5
"""Swatches of a legend are of about one size: smaller by larger, at least."""
_FRAME_SEARCH = 2.2
"""How far from its entries a frame may be."""
_FAINTEST = 6
"""In steps of red, green or blue from the ground."""
_SOFT_EDGE = 2
"""Pixels around the entries that may be their own blurred edges."""
_FRAME_DRAWN = 0.9
"""How much of a frame's side must be seen."""
_LEAST_CONTRAST = 9.0


@dataclass(frozen=True, eq=False)
class Entry:
    """One name and its colour."""

    swatch: Piece
    name: Words

    @property
    def box(self) -> Box:
        return union_of((self.swatch.box, self.name.box))


@dataclass(frozen=True, eq=False)
class Legend:
    box: Box
    entries: tuple[Entry, ...]


def find_legends(
    pieces: Sequence[Piece], words: Sequence[Words], palette: Palette, pixels: Pixels
) -> list[Legend]:
    """The legends of a picture, (H, W, 3): one for each panel that has its own."""
    letters = letters_among(pieces, words, palette)
    marks = _marks_by_color(pieces, letters)
    middles = np.array([piece.box.middle for piece in pieces]).reshape(-1, 2)
    candidates: list[Entry] = []
    for name in words:
        if not (name.upright or name.slanted):
            near = [pieces[at] for at in _beside(name, middles)]
            candidates += _entries_of(name, near, letters, palette, marks)
    groups = [group for group in _grouped(candidates) if _is_legend(group, pieces)]
    if sum(len(group) == 1 for group in groups) > 2:  # points with their names beside them
        groups = [group for group in groups if len(group) > 1]
    return [_legend_of(group, words, pixels) for group in groups]


def _marks_by_color(pieces: Sequence[Piece], letters: set[int]) -> dict[int, list[Piece]]:
    """The pieces that are no letters, by colour."""
    marks: dict[int, list[Piece]] = {}
    for piece in pieces:
        if piece.area >= 9 and id(piece) not in letters:
            marks.setdefault(piece.color, []).append(piece)
    return marks


def _entries_of(
    name: Words,
    pieces: Sequence[Piece],
    letters: set[int],
    palette: Palette,
    marks: dict[int, list[Piece]],
) -> list[Entry]:
    """The text with its swatch; cut into several where swatches stand in it."""
    size, box = name.size, name.box
    swatches = []
    for piece in pieces:
        if not _has_swatch_size(piece, size):
            continue
        if box.x0 - piece.box.x1 > _FARTHEST * size:
            continue
        if palette.contrast(piece.color) < _LEAST_CONTRAST:
            continue
        beside = piece.box.x1 <= box.x0 + 0.3 * size
        if beside and id(piece) in letters:
            continue
        first = beside or abs(piece.box.x0 - box.x0) < 0.6 * size
        if not beside and not _may_stand_in_text(piece, palette, size, first):
            continue
        others = [one for one in marks.get(piece.color, ()) if one is not piece]
        if any(one.area >= 0.5 * piece.area for one in others):
            swatches.append(piece)
    swatches = _without_parts(swatches)
    if not swatches:
        return []
    if not _same_ground(swatches[-1], name, palette.labels):
        return []
    inside = [piece for piece in swatches if piece.box.middle[0] > box.x0 + 0.3 * size]
    before = [piece for piece in swatches if piece not in inside]
    # Of several to the left, the nearest is this text's own.
    before = sorted(before, key=lambda piece: piece.box.x1)[-1:]
    return _cut(name, [*before, *sorted(inside, key=lambda piece: piece.box.x0)])


def _beside(name: Words, middles: NDArray[np.float64]) -> NDArray[np.int64]:
    """The numbers of the pieces whose middles, (N, 2), may be those of a text's swatches."""
    size, box = name.size, name.box
    x, y = middles[:, 0], middles[:, 1]
    near = (x >= box.x0 - (_FARTHEST + _WIDEST) * size) & (x <= box.x1)
    return np.flatnonzero(near & (np.abs(y - box.middle[1]) <= max(0.45 * box.height, 2)))


def _has_swatch_size(piece: Piece, size: float) -> bool:
    box = piece.box
    return (
        box.height <= _TALLEST * size
        and _NARROWEST * size <= box.width <= _WIDEST * size
        and piece.area >= max(4, _LEAST_AREA * size**2)
    )


def _is_full(piece: Piece, size: float, first: bool) -> bool:
    """A block or a dash, and no letter: for what stands in the midst, or first, of text."""
    box, least = piece.box, 0.32 if first else 0.36
    block = piece.filled > 0.9 and min(box.width, box.height) >= least * size
    dash = piece.filled > 0.7 and box.width >= 1.2 * size
    return block or dash


def _may_stand_in_text(piece: Piece, palette: Palette, size: float, first: bool) -> bool:
    """Whether it is a swatch although it lies in the box of a text."""
    is_block = not palette.is_gray(piece.color) and _is_full(piece, size, first)
    return is_block or _is_handle(piece, size)


def _is_handle(piece: Piece, size: float) -> bool:
    """A piece of line, with or without a marker in its middle, and no letter."""
    long = piece.box.width >= 1.2 * size and piece.box.width >= 1.5 * piece.box.height
    return long and float(piece.mask.mean(axis=1).max()) >= 0.95


def _without_parts(swatches: list[Piece]) -> list[Piece]:
    """Each swatch once: a line's handle and the marker in its middle are one."""
    kept: list[Piece] = []
    for piece in sorted(swatches, key=lambda piece: -piece.area):
        if not any(gap(*piece.box[::2], *one.box[::2]) < 1 for one in kept):
            kept.append(piece)
    return kept


def _same_ground(piece: Piece, name: Words, labels: NDArray[np.uint8]) -> bool:
    """Whether swatch and text stand on one colour: a bar and the value on the next do not."""
    height, width = labels.shape
    around = piece.box.grown(2).clipped(width, height)
    x0, y0, x1, y1 = (int(edge) for edge in around)
    ring = np.concatenate(
        [labels[y0, x0:x1], labels[y1 - 1, x0:x1], labels[y0:y1, x0], labels[y0:y1, x1 - 1]]
    )
    ring = ring[(ring != NO_COLOR) & (ring != piece.color)]
    if not len(ring):
        return False
    x0, y0, x1, y1 = (int(edge) for edge in name.box)
    ground = labels[y0 : y1 + 1, x0 : x1 + 1]
    ground = ground[ground != NO_COLOR]
    return bool(len(ground)) and np.bincount(ring).argmax() == np.bincount(ground).argmax()


def _cut(name: Words, swatches: list[Piece]) -> list[Entry]:
    """The text cut where swatches stand, its letters shared out by their place."""
    if len(swatches) == 1 and swatches[0].box.middle[0] <= name.box.x0 + name.size * 4:
        x0 = max(name.box.x0, swatches[0].box.x1)
        return [Entry(swatches[0], replace(name, box=name.box._replace(x0=x0)))]
    entries = []
    words = name.text.split()
    letters = max(1, len(name.text))
    for piece, after in zip(swatches, [*swatches[1:], None], strict=True):
        x0, x1 = piece.box.x1, after.box.x0 if after else name.box.x1
        here, at = [], 0
        for word in words:
            middle = name.box.x0 + (at + len(word) / 2) / letters * name.box.width
            if x0 - name.size * 0.5 <= middle < x1:
                here.append(word)
            at += len(word) + 1
        if here and x1 - x0 > 2:
            part = replace(name, text=" ".join(here), box=name.box._replace(x0=x0, x1=x1))
            entries.append(Entry(piece, part))
    return entries


def _grouped(candidates: Sequence[Entry]) -> list[list[Entry]]:
    """Entries that stand together."""
    groups: list[list[Entry]] = []
    for entry in candidates:
        near = [group for group in groups if any(_belong(entry, other) for other in group)]
        for group in near:
            groups.remove(group)
        groups.append([entry, *(other for group in near for other in group)])
    return groups


def _belong(one: Entry, other: Entry) -> bool:
    size = (one.name.size + other.name.size) / 2
    if not 0.6 < one.name.size / other.name.size < 1.6 or not _same_size(one, other):
        return False
    a, b = one.box, other.box
    below = gap(a.y0, a.y1, b.y0, b.y1)
    aside = gap(a.x0, a.x1, b.x0, b.x1)
    same_column = abs(one.swatch.box.middle[0] - other.swatch.box.middle[0]) < 0.6 * size
    same_row = abs(one.swatch.box.middle[1] - other.swatch.box.middle[1]) < 0.5 * size
    return (same_column and below < _NEXT_ROW * size) or (same_row and aside < _NEXT_COLUMN * size)


def _same_size(one: Entry, other: Entry) -> bool:
    a, b = one.swatch.box, other.swatch.box
    return min(a.width, b.width) >= _ALIKE * max(a.width, b.width)


def _is_legend(group: Sequence[Entry], pieces: Sequence[Piece]) -> bool:
    colors = [entry.swatch.color for entry in group]
    if len(set(colors)) < len(colors):
        return False
    if all(entry.name.is_number for entry in group):
        return len(group) > 1 and not any(_is_short_bar(entry, pieces) for entry in group)
    return len(group) > 1 or not _is_short_bar(group[0], pieces)


def _is_short_bar(entry: Entry, pieces: Sequence[Piece]) -> bool:
    """Whether others of its colour begin, or stand, on the same line."""
    box = entry.swatch.box
    return any(
        piece.color == entry.swatch.color
        and piece is not entry.swatch
        and piece.area >= 20
        and piece.filled > 0.85
        and (
            (abs(piece.box.x0 - box.x0) <= 2 and abs(piece.box.height - box.height) <= 2)
            or (abs(piece.box.y1 - box.y1) <= 2 and abs(piece.box.width - box.width) <= 2)
        )
        for piece in pieces
    )


def _legend_of(
    group: Sequence[Entry],
    words: Sequence[Words],
    pixels: Pixels,
) -> Legend:
    whole = [_with_next_lines(entry, words, group) for entry in group]
    whole.sort(key=lambda entry: (round(entry.box.y0 / entry.name.size), entry.box.x0))
    content = union_of(entry.box for entry in whole)
    size = float(np.median([entry.name.size for entry in whole]))
    return Legend(_frame_around(content, size, pixels) or content, tuple(whole))


def _with_next_lines(entry: Entry, words: Sequence[Words], group: Sequence[Entry]) -> Entry:
    """The entry with the lines of its name that follow the first."""
    lines = [entry.name]
    starts = {words_start(other) for other in group if other is not entry}
    for one in sorted(words, key=lambda one: one.box.y0):
        last = lines[-1]
        if (
            -0.4 * last.size < one.box.y0 - last.box.y1 < 0.6 * last.size
            and one.box.y0 > last.box.y0 + 0.5 * last.size
            and abs(one.box.x0 - last.box.x0) < 0.7 * last.size
            and 0.75 < one.size / last.size < 1.33
            and (round(one.box.x1), round(one.box.y0)) not in starts
            and not one.is_number
        ):
            lines.append(one)
    return Entry(entry.swatch, merged_words(lines)) if len(lines) > 1 else entry


def words_start(entry: Entry) -> tuple[int, int]:
    """What tells the text of an entry from others, its left edge aside."""
    return round(entry.name.box.x1), round(entry.name.box.y0)


def _frame_around(content: Box, size: float, pixels: Pixels) -> Box | None:
    """The box of a frame drawn around the entries, if there is one."""
    height, width = pixels.shape[:2]
    x0, y0 = max(0, int(content.x0)), max(0, int(content.y0))
    x1, y1 = min(width, int(content.x1) + 1), min(height, int(content.y1) + 1)
    reach = int(_FRAME_SEARCH * size) + 2
    left_end, top_end = max(0, x0 - reach), max(0, y0 - reach)
    part = pixels[top_end : y1 + reach, left_end : x1 + reach]
    ground = np.median(pixels[y0:y1, x0:x1].reshape(-1, 3), axis=0).astype(np.uint8)
    # Frames are often hardly darker than the paper: too faint to have a colour of their own.
    drawn = cv2.absdiff(part, np.full_like(part, ground)).max(axis=2) > _FAINTEST
    rows, columns = slice(y0 - top_end, y1 - top_end), slice(x0 - left_end, x1 - left_end)
    top = _first_line(drawn[: rows.start, columns][::-1])
    bottom = _first_line(drawn[rows.stop :, columns])
    left = _first_line(drawn[rows, : columns.start].T[::-1])
    right = _first_line(drawn[rows, columns.stop :].T)
    if top is None or bottom is None or left is None or right is None:
        return None
    return Box(x0 - left - 1, y0 - top - 1, x1 + right + 1, y1 + bottom + 1)


def _first_line(rows: NDArray[np.bool_]) -> int | None:
    """The first of (N, L) rows that is drawn all along."""
    if rows.shape[0] <= _SOFT_EDGE or not rows.shape[1]:
        return None
    full = np.flatnonzero(rows[_SOFT_EDGE:].mean(axis=1) >= _FRAME_DRAWN)
    return int(full[0]) + _SOFT_EDGE if len(full) else None
