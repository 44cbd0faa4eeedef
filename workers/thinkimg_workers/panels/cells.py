"""Which part of a figure belongs to which plot: the figure is cut in two, and its parts again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from thinkimg_workers.panels.content import Mask
from thinkimg_workers.panels.headings import LETTER, Text, rows_of
from thinkimg_workers.panels.plots import Plot
from thinkimg_workers.panels.rect import Rect

_TO_LABELS = 0.3
"""What the gap between a plot and the numbers along it counts, beside any other gap."""
_TO_TITLE = 0.8
"""What the gap between a plot and the text over it counts."""
_UNLABELLED = 1.5
"""What the gap below a plot counts if no labels follow: the text there is the next one's title."""
_TO_WORDS = 0.5
"""What the gap between a legend's sign and its word counts."""
_BETWEEN_WORDS = 3.0
"""What the gap between an axis label and the next title counts."""
_REACH = 4
"""How far a text's box may be from where its print begins or ends, in pixels."""
_NUMBERS = re.compile(r"(?:[-+\u2212\u2013]?[\d.,]+\s*[%kKmM]?\s*)+")


@dataclass(frozen=True)
class _Cut:
    """Where to cut, how wide the blank strip is there, and what comes on either side."""

    width: float
    at: int
    first: list[Plot]
    second: list[Plot]
    upright: bool


@dataclass(frozen=True)
class _Gap:
    """Blank from one thing to the next, and how likely panels meet there, by its width."""

    begin: int
    end: int
    value: float


@dataclass(frozen=True)
class _Habits:
    """Whether this figure's panels mostly have titles, and labels under their numbers."""

    titled: bool
    labelled: bool | None
    """None where no panel shows it."""


def cells_of(
    content: Mask, plots: Sequence[Plot], texts: Sequence[Text]
) -> list[tuple[Plot, Rect]]:
    """Each plot with the part of the figure around it: the parts do not overlap."""
    height, width = content.shape
    habits = _habits_of(plots, texts)
    return list(_divided(content, Rect(0, 0, width, height), list(plots), texts, habits))


def _habits_of(plots: Sequence[Plot], texts: Sequence[Text]) -> _Habits:
    """Seen at the plots that have no other above or below."""
    flat = [text for text in texts if not text.upright]
    titled = labelled = top = bottom = 0
    for plot in plots:
        y0, y1 = plot.whole.y0, plot.whole.y1
        near = [text for text in flat if text.place.overlap_x(plot.whole) > 0]
        facing = [other.whole for other in plots if other.whole.overlap_x(plot.whole) > 0]
        if all(other.y1 > y0 for other in facing):
            top += 1
            titled += any(text.place.middle_y < y0 for text in near)
        # The numbers of a colour bar have no label below.
        if plot.whole.y1 == plot.area.y1 and all(other.y0 < y1 for other in facing):
            under = rows_of([text for text in near if text.place.middle_y > y1])
            if any(_is_number(text) for row in under for text in row):
                bottom += 1
                labelled += any(_is_axis_label(row, plot.area) for row in under)
    return _Habits(titled * 2 > top, labelled * 2 > bottom if bottom else None)


def _is_axis_label(row: Sequence[Text], area: Rect) -> bool:
    if len(row) > 1 or _NUMBERS.fullmatch(row[0].text):
        return False
    place = row[0].place
    return abs(place.middle_x - area.middle_x) < max(place.height, 0.1 * area.width)


def _divided(
    content: Mask, region: Rect, plots: list[Plot], texts: Sequence[Text], habits: _Habits
) -> Iterator[tuple[Plot, Rect]]:
    if len(plots) < 2:
        yield from ((plot, region) for plot in plots)
        return
    cuts = [
        cut
        for upright in (False, True)
        for cut in _cuts(content, region, plots, texts, habits, upright=upright)
    ]
    if not cuts:
        # A pinwheel: no straight cut leaves every plot whole.
        yield from ((plot, plot.whole) for plot in plots)
        return
    cut = max(cuts, key=lambda cut: cut.width)
    x0, y0, x1, y1 = region
    if cut.upright:
        parts = Rect(x0, y0, cut.at, y1), Rect(cut.at, y0, x1, y1)
    else:
        parts = Rect(x0, y0, x1, cut.at), Rect(x0, cut.at, x1, y1)
    for part, inside in zip(parts, (cut.first, cut.second), strict=True):
        yield from _divided(content, part, inside, texts, habits)


def _cuts(
    content: Mask,
    region: Rect,
    plots: Sequence[Plot],
    texts: Sequence[Text],
    habits: _Habits,
    *,
    upright: bool,
) -> Iterator[_Cut]:
    """The best place in every gap between plots, from the top or from the left."""
    near, far = (0, 2) if upright else (1, 3)
    ordered = sorted(plots, key=lambda plot: plot.whole[near])
    part = content[region.y0 : region.y1, region.x0 : region.x1]
    drawn = part.sum(axis=0 if upright else 1)
    for count in range(1, len(ordered)):
        first, second = ordered[:count], ordered[count:]
        begin = max(plot.whole[far] for plot in first)
        end = min(plot.whole[near] for plot in second)
        if begin >= end:
            continue
        profile = drawn[begin - region[near] : end - region[near]]
        blanks = [(begin + a, begin + b) for a, b in _blank_runs(profile == 0)]
        if not blanks:
            # Where least is drawn; any clean cut is better.
            yield _Cut(-float(profile.min()), begin + int(profile.argmin()), first, second, upright)
            continue
        inside = [text for text in texts if region.has_middle_of(text.place)]
        chains = list(_chains(content, region, first, second, inside, habits, upright=upright))
        widest = max(b - a for a, b in blanks)

        def worth(blank: tuple[int, int]) -> float:
            middle = (blank[0] + blank[1]) / 2
            votes = sum(_vote(chain, middle) for chain in chains)  # noqa: B023
            return votes / max(1, len(chains)) + 0.3 * (blank[1] - blank[0]) / widest  # noqa: B023

        best = max(blanks, key=worth)
        yield _Cut(best[1] - best[0], (best[0] + best[1]) // 2, first, second, upright)


def _blank_runs(blank: Mask) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.r_[False, blank, False].astype(np.int8))).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _vote(chain: Sequence[_Gap], at: float) -> float:
    """How well a cut suits what stands between two plots: 1 at best, -1 through a text."""
    best = max((gap.value for gap in chain), default=0)
    here = next((gap.value for gap in chain if gap.begin <= at <= gap.end), None)
    if here is None:
        return -1.0
    return here / best if best > 0 else 0.0


def _chains(
    content: Mask,
    region: Rect,
    first: Sequence[Plot],
    second: Sequence[Plot],
    texts: Sequence[Text],
    habits: _Habits,
    *,
    upright: bool,
) -> Iterator[list[_Gap]]:
    """For each plot, the blanks from it to the next plot."""
    pairs = {_nearest(plot, second, upright=upright, after=True) for plot in first}
    pairs |= {_nearest(plot, first, upright=upright, after=False) for plot in second}
    for pair in pairs:
        if pair is None:
            continue
        between = _between(*pair, upright=upright)
        plots = [*first, *second]
        if any(between.meets(plot.area) for plot in plots):
            continue
        part = content[between.y0 : between.y1, between.x0 : between.x1]
        if not upright:
            column = [plot.area.x0 for plot in plots if plot.area.overlap_x(between) > 0]
            left = max(region.x0, min([between.x0 - between.width // 3, *column]))
            beside = between._replace(x0=left, x1=between.x0)
            part = np.hstack([_titles_only(content, beside, texts), part])
            between = between._replace(x0=left)
        inside = [text for text in texts if between.meets(text.place)]
        begin = between.x0 if upright else between.y0
        runs = _blank_runs(part.sum(axis=0 if upright else 1) == 0)
        strip = _Strip(pair[0], begin, part, runs, inside, habits)
        weight = strip.weight_across if upright else strip.weight_down
        yield [_Gap(begin + a, begin + b, (b - a) * weight(a, b)) for a, b in runs]


def _titles_only(content: Mask, beside: Rect, texts: Sequence[Text]) -> Mask:
    """Of what is left of a pie, its title: set at the left, it does not stand over the pie."""
    kept = np.zeros((beside.height, beside.width), bool)
    for text in texts:
        x0, y0, x1, y1 = place = text.place.shared(beside)
        if place.area and place.height == text.place.height and not _is_number(text):
            kept[y0 - beside.y0 : y1 - beside.y0, x0 - beside.x0 : x1 - beside.x0] = True
    kept &= content[beside.y0 : beside.y1, beside.x0 : beside.x1]
    return kept


def _nearest(
    plot: Plot, others: Sequence[Plot], *, upright: bool, after: bool
) -> tuple[Plot, Plot] | None:
    """A plot and the next one that it faces, in their order."""
    facing = [other for other in others if _faces(plot, other, upright=upright)]
    if not facing:
        return None
    near, far = (0, 2) if upright else (1, 3)
    if after:
        return plot, min(facing, key=lambda other: other.whole[near])
    return max(facing, key=lambda other: other.whole[far]), plot


def _faces(plot: Plot, other: Plot, *, upright: bool) -> bool:
    one, two = plot.whole, other.whole
    return (one.overlap_y(two) if upright else one.overlap_x(two)) > 0


def _between(one: Plot, two: Plot, *, upright: bool) -> Rect:
    """From one plot to the next, along the smaller of the two."""
    if upright:
        small = min(one.whole, two.whole, key=lambda whole: whole.height)
        return Rect(one.whole.x1, small.y0, two.whole.x0, small.y1)
    small = min(one.whole, two.whole, key=lambda whole: whole.width)
    return Rect(small.x0, one.whole.y1, small.x1, two.whole.y0)


@dataclass(frozen=True)
class _Strip:
    """What is between two plots; places in it count from the first plot's edge."""

    plot: Plot
    begin: int
    part: Mask
    blanks: Sequence[tuple[int, int]]
    texts: Sequence[Text]
    habits: _Habits

    def weight_across(self, begin: int, end: int) -> float:
        """What a blank counts, from left to right, by what stands before and after it."""
        before = [text for text in self.texts if self._is_at(text.place.x1, begin)]
        after = [text for text in self.texts if self._is_at(text.place.x0, end)]
        if begin == 0:
            has_bar = self.plot.whole.x1 > self.plot.area.x1
            return _TO_LABELS if has_bar and any(_is_number(text) for text in after) else 1.0
        if end == self.part.shape[1] or any(text.upright for text in before):
            return _TO_LABELS
        if after and not before and not any(text.upright for text in after):
            return _TO_WORDS
        return 1.0

    def _is_at(self, edge: int, place: int) -> bool:
        return abs(edge - self.begin - place) <= _REACH

    def weight_down(self, begin: int, end: int) -> float:
        """The same from top to bottom."""
        bands = self._bands()
        above = sum(bottom <= begin for _, bottom in bands)
        # The strokes at an axis may stand apart from its numbers.
        ticks = sum(1 for _ in takewhile(lambda band: self._are_labels(*band), bands))
        if above < len(bands) and self._has_letter(*bands[above]):
            return _BETWEEN_WORDS
        if begin == 0:
            return _TO_LABELS if ticks else _UNLABELLED
        words = len(bands) - ticks
        if ticks and words and above == self._labels_among(words) + ticks:
            return _BETWEEN_WORDS
        if end == len(self.part) and above:
            return _TO_TITLE if above > 1 or ticks else _TO_LABELS
        return 1.0

    def _bands(self) -> list[tuple[int, int]]:
        """From top to bottom, what is drawn between the blanks."""
        edges = [0, *(edge for blank in self.blanks for edge in blank), len(self.part)]
        bands = zip(edges[::2], edges[1::2], strict=True)
        return [(top, bottom) for top, bottom in bands if bottom > top]

    def _are_labels(self, top: int, bottom: int) -> bool:
        """Whether a band is the labels of an axis: many words far apart, or numbers."""
        drawn = self.part[top:bottom].sum(axis=0) > 0
        gaps = _blank_runs(drawn == 0)
        between = [b - a for a, b in gaps if a > 0 and b < len(drawn)]
        if sum(gap > bottom - top for gap in between) > 1:
            return True
        return any(_is_number(text) for text in self._texts_in(top, bottom))

    def _has_letter(self, top: int, bottom: int) -> bool:
        return any(LETTER.match(text.text) for text in self._texts_in(top, bottom))

    def _texts_in(self, top: int, bottom: int) -> list[Text]:
        return [text for text in self.texts if top <= text.place.middle_y - self.begin < bottom]

    def _labels_among(self, rows: int) -> int:
        """How many of the rows of words under the numbers name the axis; -1: cannot be told."""
        titled, labelled = self.habits.titled, self.habits.labelled
        if titled == labelled or (labelled is None and rows > 1):
            return 1 if rows > 1 else -1
        return int(bool(labelled))


def _is_number(text: Text) -> bool:
    return bool(_NUMBERS.fullmatch(text.text.strip()))
