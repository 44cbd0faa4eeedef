"""Which panels a description fits: by place, by title, by both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from thinkimg_workers.panels.places import Layout
from thinkimg_workers.panels.titles import fit_of_words, is_title, words_of
from thinkimg_workers.panels.wording import BOTH_MIDDLES, MIDDLE, Span, Wording, understand

_SURE_TITLE = 0.85
"""From which a whole description is taken for a title, whatever places it may name."""
_LEAST_FIT = 0.55
"""What fits the words less does not fit them."""
_NEAR_BEST = 0.8
"""Panels that fit the words so nearly as well as the best are shown too."""
_ONE_SAID_OTHERWISE = 0.5
"""What a fit counts if place and words contradict each other."""
_ONLY_PANEL = 0.5


class Fit(NamedTuple):
    """A panel, counted from 0 in reading order, and how well the description fits it.

    1: the place, number or letter that was said, or exactly the title. Below: how
    much of the title, or of what else is written in the panel, was recognised,
    halved where place and words point to different panels.
    """

    panel: int
    score: float


def fitting(layout: Layout, description: str) -> list[Fit]:
    """The panels that fit, best first, in reading order where they fit alike."""
    if titled := _titled(layout, description):
        return titled
    wording = understand(description)
    placed = _placed(layout, wording) if wording.says_place else None
    worded = _worded(layout, wording) if wording.words else None
    if placed is not None and worded:
        both = [Fit(fit.panel, fit.score) for fit in worded if fit.panel in placed]
        return both or [Fit(index, _ONE_SAID_OTHERWISE) for index in placed] or _halved(worded)
    if placed is not None:
        # Words that no panel has: a kind of chart, or the caller's own name for it.
        score = _ONE_SAID_OTHERWISE if wording.words else 1.0
        return [Fit(index, score) for index in placed]
    if worded:
        return worded
    if wording.all and not wording.words:
        return [Fit(index, 1.0) for index in range(len(layout.panels))]
    return [Fit(0, _ONLY_PANEL)] if len(layout.panels) == 1 else []


def _titled(layout: Layout, description: str) -> list[Fit]:
    """Panels whose title the description is, words for places in it or not."""
    if len(words_of(description)) == 1 and understand(description).says_place:
        return []
    scores = [is_title(description, panel.title) for panel in layout.panels]
    best = max(scores, default=0.0)
    if best < _SURE_TITLE:
        return []
    return _sorted(Fit(index, score) for index, score in enumerate(scores) if score > 0.97 * best)


def _worded(layout: Layout, wording: Wording) -> list[Fit]:
    scores = [
        max(
            fit_of_words(wording.words, panel.title, panel.words),
            is_title(" ".join(wording.words), panel.title),
        )
        for panel in layout.panels
    ]
    best = max(scores, default=0.0)
    least = max(_LEAST_FIT, _NEAR_BEST * best)
    return _sorted(Fit(index, score) for index, score in enumerate(scores) if score >= least)


def _sorted(fits: Iterable[Fit]) -> list[Fit]:
    return sorted(fits, key=lambda fit: -fit.score)


def _halved(fits: Sequence[Fit]) -> list[Fit]:
    return [Fit(fit.panel, fit.score * _ONE_SAID_OTHERWISE) for fit in fits]


def _placed(layout: Layout, wording: Wording) -> list[int]:
    """The panels at the place that was said, in reading order."""
    found = list(range(len(layout.panels)))
    if wording.letter:
        found = _lettered(layout, wording.letter)
    if wording.rows or wording.columns:
        found = [index for index in found if _fits(layout, index, wording)] or _nearest(
            layout, found, wording
        )
    if wording.number:
        at = wording.number - 1 if wording.number > 0 else wording.number
        found = found[at : at + 1 or None] if -len(found) <= at < len(found) else []
    return found


def _fits(layout: Layout, index: int, wording: Wording) -> bool:
    place = layout.places[index]
    rows = [_covers(place.row, place.rows, span, layout.rows) for span in wording.rows]
    columns = [
        _covers(place.column, place.columns, span, layout.columns) for span in wording.columns
    ]
    return all(rows) and all(columns)


def _nearest(layout: Layout, found: Sequence[int], wording: Wording) -> list[int]:
    """ "bottom right" where the last row is not full: the last one of that row."""
    ends = {(0, 0), (-1, -1)}
    if not (wording.rows and wording.columns and {*wording.rows, *wording.columns} <= ends):
        return []
    in_row = [
        index for index in found if _fits(layout, index, Wording(wording.text, rows=wording.rows))
    ]
    if not in_row:
        return []
    return [in_row[-1] if (-1, -1) in wording.columns else in_row[0]]


def _covers(first: int, count: int, span: Span, of: int) -> bool:
    """Whether a panel's rows or columns are among those that were said."""
    if span == BOTH_MIDDLES:
        return of == 1 or _covers(first, count, MIDDLE, of)
    if span == MIDDLE and of > 2:
        # The one in the middle, or the two.
        return first < of // 2 + 1 and first + count > (of - 1) // 2
    low, high = (at if at >= 0 else of + at for at in span)
    return 0 <= low <= high < of and first <= high and first + count > low


def _lettered(layout: Layout, letter: str) -> list[int]:
    """The panel with a letter: as printed, else by counting."""
    marks = (f"({letter})", f"{letter})", f"{letter}.", f"{letter}:")
    printed = [
        index
        for index, panel in enumerate(layout.panels)
        if panel.title.casefold().startswith(marks)
        or panel.title.casefold() == letter
        # Bars are named A, B and C too, but not in brackets.
        or any(word.casefold().startswith(marks[0]) for word in panel.words)
    ]
    at = ord(letter) - ord("a")
    return printed[:1] or ([at] if 0 <= at < len(layout.panels) else [])


def inventory(layout: Layout) -> str:
    """All panels in words, for those whose description fits none."""
    listed = [
        f"{number}. {layout.name_of(number - 1)}{f': {panel.title}' if panel.title else ''}"
        for number, panel in enumerate(layout.panels, 1)
    ]
    count = len(listed)
    return f"{count} panel{'s were' if count > 1 else ' was'} found: " + "; ".join(listed)
