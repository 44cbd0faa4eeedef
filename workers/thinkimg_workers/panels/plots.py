"""Where the plots of a figure are: frames, shaded areas, pictures, pies, sets of grid lines.

A plot is what its panel is found by; titles and labels around it come later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_workers.panels.content import Mask, pieces_of, trimmed
from thinkimg_workers.panels.ramps import is_ramp
from thinkimg_workers.panels.rect import Rect, around

_RULE_THICKNESS = 0.006
"""Of the picture's shorter side, 5 pixels at least: a piece this low is a grid line."""
_RULE_LENGTH = 0.05
"""Of the picture's width."""
_SAME_EDGE = 4
"""How far apart, in pixels, the ends of lines may be that belong together."""
_FULL = 0.97
"""How much of a row or column is drawn if a line runs along it."""
_UPRIGHT = 0.85
"""The same for a frame's side, above marks that stick out at its ends."""
_WIDER_GAP = 1.15
"""A gap between grid lines so many times the usual one separates two plots."""
_LEAST_SIDE, _LEAST_LINES = 22, 1.9
"""A plot's least height and width: in pixels, and in lines of text."""
_BAR_ASPECT, _LOOSE_BAR_ASPECT, _AS_LONG = 3.5, 8.0, 0.08
"""From which a thin piece may be a colour bar: one as long as a plot, up to that share, or not."""
_RAMP_ASPECT = 2.5
"""The same for one that runs through many colours, anywhere."""
_BAR_LINES, _SOLID = 3.5, 0.85
"""How thick a loose bar is at most, in lines of text, and how much of it is drawn on."""
_FILLED = 0.5
"""How much of a colour bar's box is drawn on, marks at its side counted in."""
_PATCH = 0.7
"""How much of a legend's sign is drawn on: more than of a letter."""
_TEXT_SHARE = 0.22
"""A box so full of text is a legend or a table of words."""
_LEGEND_SHARE = 0.08
"""The same for a small one."""
_CORNERS = 0.2
"""How much of a pie's corners is drawn on at most, by its labels."""
_COVERED = 0.5
"""How much of a legend's box its entries take, from the first to the last."""
_OTHER_SIDE = 6
"""A legend is so many times further from the plot at its right or below if it is that one's."""
_SMALL = 0.06
"""Of the middle plot's area: what is smaller is no plot of its own."""


@dataclass(frozen=True)
class Plot:
    """The area data are drawn in, and with its colour bars."""

    area: Rect
    whole: Rect


def find_plots(pixels: Pixels, content: Mask, texts: Sequence[Rect]) -> list[Plot]:
    """The plots of a figure, in no particular order; none on a blank one."""
    height, width = content.shape
    pieces = [piece for piece in pieces_of(content) if not _is_frame(piece, content)]
    thin = max(5, round(min(height, width) * _RULE_THICKNESS))
    line_height = float(np.median([min(text.width, text.height) for text in texts] or [0]))
    least = max(_LEAST_SIDE, _LEAST_LINES * line_height)
    ramps = {one for one in pieces if _is_ramp(one, thin, least, pixels)}
    wide = [
        one
        for one in pieces
        if one.width >= width * _RULE_LENGTH
        and one not in ramps
        and not any(text.has_middle_of(one) and one.height <= text.height for text in texts)
    ]
    rules = [one for one in wide if one.height <= thin]
    large = [
        one
        for one in pieces
        if min(one.width, one.height) >= least and not any(_is_print(one, text) for text in texts)
    ]
    loose = [
        one
        for one in pieces
        if one.width < least and not any(text.has_middle_of(one) for text in texts)
    ]
    slim = [one for one in pieces if _is_loose_bar(one, line_height, content)]
    lying, standing = _bar_sets(slim), _bar_sets([_turned(one) for one in slim])
    bar_sets = [*lying, *(_turned_back(one) for one in standing)]
    areas = _merged([*large, *bar_sets, *_rule_sets(rules, wide, loose, content, texts)])
    areas = [area for area in areas if min(area.width, area.height) >= least]
    areas = [_without_labels(area, content, texts) for area in areas]
    boxes = [area for area in areas if not _is_disc(area, content)]
    legends = _legends(boxes, texts, _legend_entries(pieces, texts, content))
    areas = _without_specks([area for area in areas if area not in legends])
    bars = ramps | {
        one
        for one in {*pieces, *areas}
        if one.height > thin and _is_bar(one, least, areas) and _fill(one, content) > _FILLED
    }
    bars |= {area for area in areas if _is_ramp(area, thin, least, pixels)}
    bars = {
        bar
        for bar in bars
        if not any(bar.meets(area) and bar != area for area in areas)
        and not any(text.has_middle_of(bar) and text.area > bar.area / 2 for text in texts)
    }
    owners = {bar: owner for bar in bars if (owner := _owner_of_bar(bar, areas))}
    areas = [area for area in areas if area not in owners]
    outside = [text for text in texts if not any(area.meets(text) for area in areas)]
    legends += _legend_entries(pieces, outside, content)
    owners |= {legend: owner for legend in legends if (owner := _owner_of_legend(legend, areas))}
    return [
        Plot(area, around([area, *(one for one, owner in owners.items() if owner == area)]))
        for area in areas
    ]


def _is_print(piece: Rect, text: Rect) -> bool:
    """Whether a piece is a letter, or several that touch, of a text."""
    return text.has_middle_of(piece) and (
        piece.height <= 1.2 * text.height and piece.width <= 1.2 * text.width
    )


def _is_frame(piece: Rect, content: Mask) -> bool:
    """Whether it is a line around the whole figure."""
    height, width = content.shape
    if piece.width < 0.97 * width or piece.height < 0.97 * height:
        return False
    inner = content[height // 40 : -height // 40, width // 40 : -width // 40]
    return bool(inner.mean() < 0.5)


def _is_loose_bar(piece: Rect, line_height: float, content: Mask) -> bool:
    """Whether it may be a bar of a chart without axes: filled, and about as high as its label."""
    short = min(piece.width, piece.height)
    is_slim = line_height <= short <= _BAR_LINES * line_height
    return is_slim and _fill(piece, content) > _SOLID


def _bar_sets(pieces: Sequence[Rect]) -> list[Rect]:
    """The areas of lying bars: the same left edge and height, different lengths."""
    rest, sets = sorted(pieces, key=lambda piece: piece.y0), []
    while rest:
        bars = [rest.pop(0)]
        for piece in list(rest):
            first, last = bars[0], bars[-1]
            alike = abs(piece.x0 - first.x0) <= _SAME_EDGE
            alike = alike and abs(piece.height - first.height) <= _SAME_EDGE
            if alike and 0 < piece.y0 - last.y1 <= 2 * first.height:
                bars.append(piece)
                rest.remove(piece)
        lengths = [bar.width for bar in bars]
        if len(bars) > 2 and max(lengths) - min(lengths) > _SAME_EDGE:
            sets.append(around(bars))
    return sets


def _turned(rect: Rect) -> Rect:
    """With x and y exchanged and turned about, so that bars upwards lie to the right."""
    return Rect(-rect.y1, rect.x0, -rect.y0, rect.x1)


def _turned_back(rect: Rect) -> Rect:
    return Rect(rect.y0, -rect.x1, rect.y1, -rect.x0)


def _is_ramp(piece: Rect, thin: int, least: float, pixels: Pixels) -> bool:
    """Whether it is a strip that runs through many colours."""
    long, short = max(piece.width, piece.height), min(piece.width, piece.height)
    slim = short > thin and long >= max(2 * least, _RAMP_ASPECT * short)
    return slim and is_ramp(pixels, piece)


def _is_bar(piece: Rect, least: float, areas: Sequence[Rect]) -> bool:
    """Whether it may be a colour bar by its shape: very slim, or slim and as long as a plot."""
    long, short = max(piece.width, piece.height), max(1, min(piece.width, piece.height))
    slim = _BAR_ASPECT if any(_as_long(piece, area) for area in areas) else _LOOSE_BAR_ASPECT
    return long / short >= slim and long >= 2 * least and short <= 2 * least


def _as_long(bar: Rect, area: Rect) -> bool:
    if bar.height > bar.width:
        off = abs(bar.y0 - area.y0), abs(bar.y1 - area.y1)
    else:
        off = abs(bar.x0 - area.x0), abs(bar.x1 - area.x1)
    return area != bar and max(off) <= _AS_LONG * max(bar.width, bar.height)


def _fill(piece: Rect, content: Mask) -> float:
    """Which part of a box is drawn on."""
    return float(content[piece.y0 : piece.y1, piece.x0 : piece.x1].mean())


def _text_share(area: Rect, texts: Sequence[Rect]) -> float:
    shared = [(area.shared(text).area, text) for text in texts if area.has_middle_of(text)]
    # The words around a pie reach into its box.
    return sum(inside for inside, text in shared if inside >= 0.9 * text.area) / area.area


def _rule_sets(
    rules: Sequence[Rect],
    wide: Sequence[Rect],
    loose: Sequence[Rect],
    content: Mask,
    texts: Sequence[Rect],
) -> list[Rect]:
    """The areas that lines of grids span: same ends, about the same distances."""
    # Bars or curves join lines of a grid; what has an upright side is a frame of its own.
    joined = {
        piece: _rules_in(piece, content)
        for piece in wide
        if piece in rules or not _closed(piece, content)
    }
    thin = max([2 * _SAME_EDGE, *(rule.height for rule in rules)])
    joined = {
        one: lines for one, lines in joined.items() if not _is_block(one, lines, thin, content)
    }
    rest = sorted(joined, key=lambda one: one.y0)
    found: list[tuple[Rect, float]] = []
    crossed = [
        one
        for one in joined
        if one not in rules and [line.height <= thin for line in joined[one]] == [True]
    ]
    for rule in [*rules, *crossed]:
        alike = [one for one in rest if _same_ends(one, rule)]
        rest = [one for one in rest if one not in alike]
        if rule not in alike:
            continue
        lines = [line for one in alike for line in joined[one]]
        lines.sort(key=lambda line: line.y0)
        gaps = [low.y0 - high.y1 for high, low in pairwise(lines)]
        usual = float(np.median([gap for gap in gaps if gap > 0] or [0]))
        found += [(area, usual) for area in _split_by_gaps(alike, lines, usual, texts, loose)]
    areas = [area for area, _ in found]
    return [_with_points(area, areas, usual, loose) for area, usual in found]


def _with_points(area: Rect, others: Sequence[Rect], usual: float, loose: Sequence[Rect]) -> Rect:
    """The area with what lies beyond its first and last line, towards others half the way."""
    column = [one for one in others if one.overlap_x(area) > 0]
    above = min([usual, *((area.y0 - one.y1) / 2 for one in column if one.y1 <= area.y0)])
    below = min([usual, *((one.y0 - area.y1) / 2 for one in column if one.y0 >= area.y1)])
    near = Rect(area.x0, round(area.y0 - above), area.x1, round(area.y1 + below))
    return around([area, *(one.shared(near) for one in loose if near.has_middle_of(one))])


def _is_block(piece: Rect, lines: Sequence[Rect], thin: int, content: Mask) -> bool:
    """Whether it is filled from side to side, like a colour bar, and no line with bars on it."""
    return all(line.height > thin for line in lines) and (
        piece not in lines or _fill(piece, content) > _SOLID
    )


def _same_ends(one: Rect, other: Rect) -> bool:
    return abs(one.x0 - other.x0) <= _SAME_EDGE and abs(one.x1 - other.x1) <= _SAME_EDGE


def _closed(piece: Rect, content: Mask) -> bool:
    """Whether it has sides of its own: on the left and right, or on the left and at the foot."""
    part = content[piece.y0 : piece.y1, piece.x0 : piece.x1]
    edge = max(2 * _SAME_EDGE, part.shape[1] // 12)
    upright = part.mean(axis=0) > _UPRIGHT
    left, right = int(upright[:edge].sum()), int(upright[-edge:].sum())
    end = max(2 * _SAME_EDGE, len(part) // 6)
    level = part.mean(axis=1) > _FULL
    head, foot = bool(level[:end].any()), bool(level[-end:].any())
    # A bar as long as the plot is wide has sides too, but a line through its middle.
    if left and right:
        return head or foot
    return 0 < left <= _SAME_EDGE + 2 and foot


def _rules_in(piece: Rect, content: Mask) -> list[Rect]:
    """The lines from side to side of a piece; the whole if it is solid."""
    full = content[piece.y0 : piece.y1, piece.x0 : piece.x1].mean(axis=1) > _FULL
    edges = np.flatnonzero(np.diff(np.r_[False, full, False].astype(np.int8))).tolist()
    runs = zip(edges[::2], edges[1::2], strict=True)
    found = [Rect(piece.x0, piece.y0 + a, piece.x1, piece.y0 + b) for a, b in runs]
    return found or [piece]


def _split_by_gaps(
    members: Sequence[Rect],
    lines: Sequence[Rect],
    usual: float,
    texts: Sequence[Rect],
    loose: Sequence[Rect],
) -> list[Rect]:
    """The members, cut into sets where the lines are further apart than usual."""
    gaps = [low.y0 - high.y1 for high, low in pairwise(lines)]
    sets = [[members[0]]]
    for low in members[1:]:
        high = around(sets[-1])
        at = next((i for i, line in enumerate(lines) if low.meets(line) and i), 0)
        gap = gaps[at - 1] if at else low.y0 - high.y1
        # Panels of one column may have lines at different distances.
        beside = [gaps[i] for i in (at - 2, at) if at and 0 <= i < len(gaps) and gaps[i] > 0]
        usual = min(beside, default=usual)
        between = Rect(high.x0, high.y1, high.x1, low.y0)
        apart = gap > usual * _WIDER_GAP + 2
        if len(lines) < 3:
            # There is no usual gap; what is high itself, or near its like, needs no other line.
            apart = gap > 4 * low.width or min(high.height, low.height) > gap / 3
        if apart or _has_labels(between, texts) or _has_ticks(between, loose):
            sets.append([])
        sets[-1].append(low)
    return [around(one) for one in sets if len(one) > 1]


def _has_labels(between: Rect, texts: Sequence[Rect]) -> bool:
    """Whether a title or a row of labels stands there, spread over most of the width."""
    inside = [text for text in texts if between.has_middle_of(text)]
    if len(inside) == 1:
        (one,) = inside
        off = abs(one.middle_x - between.middle_x), abs(one.x0 - between.x0)
        return min(off) <= max(_SAME_EDGE, 0.7 * one.height) and one.width > one.height
    in_a_row = max((text.y0 for text in inside), default=0) < min(
        (text.y1 for text in inside), default=0
    )
    return len(inside) > 2 and in_a_row and around(inside).width > 0.5 * between.width


def _has_ticks(between: Rect, loose: Sequence[Rect]) -> bool:
    """Whether a row of short upright strokes stands there, as under an axis without a line."""
    tops = [
        one.y0
        for one in loose
        if between.has_middle_of(one) and one.width <= _SAME_EDGE < 4 * one.height <= 40
    ]
    return any(tops.count(top) > 2 for top in tops)


def _merged(rects: Sequence[Rect]) -> list[Rect]:
    """Boxes that overlap as one."""
    merged: list[Rect] = []
    for rect in sorted(rects, key=lambda rect: -rect.area):
        while meeting := [one for one in merged if one.meets(rect)]:
            merged = [one for one in merged if one not in meeting]
            rect = around([rect, *meeting])
        merged.append(rect)
    return merged


def _without_labels(area: Rect, content: Mask, texts: Sequence[Rect]) -> Rect:
    """The area less the text along its sides: in small print, labels touch their axis."""
    inside = [text for text in texts if area.meets(text) and text.area < area.area / 8]
    edges = area.grown(-1)
    along = [text for text in inside if edges.shared(text) != text]
    if not along:
        return area
    part = content[area.y0 : area.y1, area.x0 : area.x1].copy()
    for text in along:
        x0, y0, x1, y1 = text.grown(1)
        part[max(0, y0 - area.y0) : y1 - area.y0, max(0, x0 - area.x0) : x1 - area.x0] = False
    rest = trimmed(part, Rect(0, 0, area.width, area.height))
    if rest is None:
        return area
    return Rect(area.x0 + rest.x0, area.y0 + rest.y0, area.x0 + rest.x1, area.y0 + rest.y1)


def _legends(areas: Sequence[Rect], texts: Sequence[Rect], entries: Sequence[Rect]) -> list[Rect]:
    """Boxes of words, with or without signs, if there are plots too."""
    if not areas:
        return []
    usual = float(np.median([area.area for area in areas]))
    return [
        area
        for area in areas
        if _text_share(area, texts) > (_TEXT_SHARE if area.area > usual / 3 else _LEGEND_SHARE)
        or _reach_of([one for one in entries if area.has_middle_of(one)]) > _COVERED * area.area
    ]


def _is_disc(area: Rect, content: Mask) -> bool:
    """Whether it is a pie: mostly drawn on, but in its corners."""
    part = content[area.y0 : area.y1, area.x0 : area.x1]
    corner = max(1, min(part.shape) // 10)
    rows, columns = np.r_[:corner, -corner:0], np.r_[:corner, -corner:0]
    return bool(part.mean() > _FILLED and part[rows][:, columns].mean() < _CORNERS)


def _reach_of(entries: Sequence[Rect]) -> int:
    """The area from the first to the last."""
    return around(entries).area if entries else 0


def _legend_entries(pieces: Sequence[Rect], texts: Sequence[Rect], content: Mask) -> list[Rect]:
    """Words with a coloured sign right before them."""
    return [
        around([piece, text])
        for text in texts
        for piece in pieces
        if _is_sign(piece, text.height, content)
        and 0 < text.x0 - piece.x1 <= 1.5 * text.height
        and abs(text.middle_y - piece.middle_y) <= 0.4 * text.height
        and not any(other.has_middle_of(piece) for other in texts)
        and not any(_is_before(other, piece, text.height) for other in pieces)
    ]


def _is_sign(piece: Rect, print_height: int, content: Mask) -> bool:
    """Whether it may be a legend's sign: a patch, or a line that is longer than a minus."""
    width, height = piece.width / print_height, piece.height / print_height
    if width > 4 or height > 1.2:
        return False
    return width >= 1.3 if height < 0.4 else width >= 0.8 and _fill(piece, content) > _PATCH


def _is_before(other: Rect, piece: Rect, within: float) -> bool:
    """Whether it ends right before the piece, like the word before a word."""
    beside = other.overlap_y(piece) > 0 and other.height <= 1.5 * within
    return beside and 0 <= piece.x0 - other.x1 < within


def _without_specks(areas: Sequence[Rect]) -> list[Rect]:
    """Without what is far smaller than the others."""
    if not areas:
        return []
    usual = float(np.median([area.area for area in areas]))
    return [area for area in areas if area.area >= _SMALL * usual]


def _owner_of_legend(legend: Rect, areas: Sequence[Rect]) -> Rect | None:
    """The plot that a legend stands beside: rather at its right or below than elsewhere."""
    distances = []
    for area in areas:
        if area.overlap_y(legend) > 0.5 * min(area.height, legend.height):
            after = legend.middle_x > area.middle_x
            distances.append((-area.overlap_x(legend) * (1 if after else _OTHER_SIDE), area))
        elif area.overlap_x(legend) > 0.5 * min(area.width, legend.width):
            after = legend.middle_y > area.middle_y
            distances.append((-area.overlap_y(legend) * (1 if after else _OTHER_SIDE), area))
    return min(distances)[1] if distances else None


def _owner_of_bar(bar: Rect, areas: Sequence[Rect]) -> Rect | None:
    """The plot a colour bar stands beside; None if it is along several."""
    upright = bar.height > bar.width
    along = [area for area in areas if _along(area, bar, upright=upright)]
    if upright:
        sides = [(bar.x0 - area.x1, area) for area in along if area.x1 <= bar.x0]
    else:
        sides = [(bar.y0 - area.y1, area) for area in along if area.y1 <= bar.y0]
    if not sides:
        return None
    distance, nearest = min(sides)
    return nearest if distance <= 0.5 * max(nearest.width, nearest.height) else None


def _along(area: Rect, bar: Rect, *, upright: bool) -> bool:
    """Whether it lies beside a bar; lines of a grid may end well before the bar does."""
    shared = area.overlap_y(bar) if upright else area.overlap_x(bar)
    length, own = (bar.height, area.height) if upright else (bar.width, area.width)
    return shared >= 0.9 * (min(own, length) if length < 1.5 * own else length)
