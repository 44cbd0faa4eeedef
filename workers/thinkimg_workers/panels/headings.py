"""Text around the plots: what is written over a panel, and what over the whole figure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from thinkimg_workers.panels.content import Mask
from thinkimg_workers.panels.rect import Rect, around

_WORD_GAP = 1.3
"""A blank so many times as wide as the print is high ends a line: columns are often read as one."""
_CENTRED = 0.03
"""How far from the middle, in shares of the width, a heading of the figure may be centred."""
_ABOVE_BASE = 0.77
"""Of the print's size: how high letters without a tail are."""
_FAR = 0.75
"""Text so many times its size above the plot is not the plot's title."""
_LINE_GAP = 0.45
"""Rows of one title are closer than this, in sizes of print."""
LETTER = re.compile(r"\(?[a-zA-Z][).]")
"""How a panel's own title may begin."""


@dataclass(frozen=True)
class Text:
    """A piece of text where it stands; `upright` reads up or down."""

    text: str
    place: Rect
    upright: bool = False

    @property
    def _descends(self) -> bool:
        return bool(set(self.text) & set("gjpqy,;()[]Q"))

    @property
    def size(self) -> float:
        """Of the print, from the tallest letters' tops to the lowest ones' ends."""
        return self.place.height / (1.0 if self._descends else _ABOVE_BASE)

    @property
    def foot(self) -> float:
        """How far down its line goes, whether a letter does or not."""
        return self.place.y0 + self.size


def split_at_blanks(text: Text, content: Mask) -> list[Text]:
    """The parts of a line that wide blanks separate, with their share of the words."""
    place = text.place
    if text.upright or place.width <= 2 * place.height:
        return [text]
    drawn = content[place.y0 : place.y1, place.x0 : place.x1].any(axis=0)
    edges = np.flatnonzero(np.diff(np.r_[True, drawn, True].astype(np.int8))).tolist()
    gaps = zip(edges[::2], edges[1::2], strict=True)
    wide = [
        (begin, end)
        for begin, end in gaps
        if end - begin > _WORD_GAP * place.height and begin > 0 and end < place.width
    ]
    if not wide:
        return [text]
    begins, ends = [0, *(end for _, end in wide)], [*(begin for begin, _ in wide), place.width]
    parts = [
        Rect(place.x0 + begin, place.y0, place.x0 + end, place.y1)
        for begin, end in zip(begins, ends, strict=True)
    ]
    return [Text(words, part) for words, part in zip(_shared_out(text, parts), parts, strict=True)]


def _shared_out(text: Text, parts: Sequence[Rect]) -> list[str]:
    """The words of a line, each in the part it most likely stands in."""
    words = text.text.split()
    total = sum(part.width for part in parts)
    ends = np.cumsum([part.width / total for part in parts])
    shared: list[list[str]] = [[] for _ in parts]
    characters = max(1, sum(len(word) + 1 for word in words))
    seen = 0
    for word in words:
        middle = (seen + len(word) / 2) / characters
        shared[int(np.searchsorted(ends[:-1], middle))].append(word)
        seen += len(word) + 1
    return [" ".join(one) for one in shared]


def figure_headings(texts: Sequence[Text], areas: Sequence[Rect], figure_width: int) -> list[Text]:
    """What is written over, under or beside several plots and belongs to none of them."""
    if len(areas) < 2:
        return []
    hull = around(areas)
    headings: list[Text] = []
    outside = [one for one in texts if not one.upright and one.place.middle_y < hull.y0]
    for row in rows_of(outside):
        over_all = (
            _spans(row[0].place, areas, hull) or _continues(row[0].place, headings[-1].place)
            if headings
            else _is_over_all(row[0], outside, areas, figure_width)
        )
        if len(row) > 1 or LETTER.match(row[0].text) or not over_all:
            break
        headings += row
    under = [one for one in texts if not one.upright and one.place.middle_y > hull.y1]
    for row in reversed(rows_of(under)):
        if not any(_spans(one.place, areas, hull) for one in row):
            break
        headings += row
    beside = [one for one in texts if one.upright and one.place.middle_x < hull.x0]
    headings += [
        one for one in beside if _spans(_turned(one.place), _all_turned(areas), _turned(hull))
    ]
    return headings


def title_over(area: Rect, panel: Rect, texts: Sequence[Text]) -> str:
    """What is written over a plot, within its panel: "" if nothing is."""
    above = [
        one
        for one in texts
        if not one.upright
        and panel.has_middle_of(one.place)
        and one.place.middle_y < area.y0
        and one.place.y1 <= area.y0 + 0.5 * one.place.height
    ]
    return " ".join(one.text for row in rows_of(above) for one in row)


def rows_of(texts: Sequence[Text]) -> list[list[Text]]:
    """From top to bottom, each from left to right."""
    rows: list[list[Text]] = []
    for one in sorted(texts, key=lambda text: text.place.middle_y):
        last = rows[-1][0].place if rows else None
        if last and one.place.overlap_y(last) > 0.5 * min(one.place.height, last.height):
            rows[-1].append(one)
        else:
            rows.append([one])
    return [sorted(row, key=lambda text: text.place.x0) for row in rows]


def _is_over_all(
    text: Text, outside: Sequence[Text], areas: Sequence[Rect], figure_width: int
) -> bool:
    place, hull = text.place, around(areas)
    if _spans(place, areas, hull):
        return True
    middles = hull.middle_x, figure_width / 2
    if min(abs(place.middle_x - middle) for middle in middles) > _CENTRED * figure_width:
        return False
    under = [area for area in areas if area.overlap_x(place) > 0]
    if not under:
        return True
    reach = max(4, place.height)
    if not any(
        abs(area.middle_x - place.middle_x) <= reach or abs(area.x0 - place.x0) <= reach
        for area in under
    ):
        return True
    top = min(area.y0 for area in under)
    between = [
        one.place
        for one in outside
        if one is not text and one.place.overlap_x(place) > 0 and one.place.middle_y > place.y1
    ]
    if between:
        next_one = min(between, key=lambda one: one.y0)
        shifted = abs(next_one.middle_x - place.middle_x) > max(2, 0.2 * place.height)
        return shifted or next_one.y0 - text.foot > _LINE_GAP * text.size
    return top - text.foot > _FAR * text.size


def _spans(place: Rect, areas: Sequence[Rect], hull: Rect) -> bool:
    """Whether it is over two plots at once that stand side by side, and centred on neither."""
    under = [area for area in areas if area.overlap_x(place) > 0.15 * min(place.width, area.width)]
    beside = any(one.overlap_x(other) <= 0 for one in under for other in under if one is not other)
    centred = any(abs(area.middle_x - place.middle_x) < 0.02 * hull.width for area in under)
    return beside and not (centred and all(_narrower(place, area) for area in under))


def _continues(place: Rect, above: Rect) -> bool:
    """Whether it is the next line of a heading that is set at the left."""
    return abs(place.x0 - above.x0) < 0.5 * place.height


def _narrower(place: Rect, area: Rect) -> bool:
    return place.width < area.width


def _turned(rect: Rect) -> Rect:
    return Rect(rect.y0, rect.x0, rect.y1, rect.x1)


def _all_turned(rects: Sequence[Rect]) -> list[Rect]:
    return [_turned(rect) for rect in rects]
