"""Marks: the bars, lines, wedges and points that data are drawn with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from thinkimg_workers.grounding.boxes import Box, gap, union_of
from thinkimg_workers.grounding.glyphs import letters_among
from thinkimg_workers.grounding.legend import Legend
from thinkimg_workers.grounding.palette import Palette
from thinkimg_workers.grounding.pieces import Piece, thick_parts
from thinkimg_workers.grounding.texts import Words
from thinkimg_workers.grounding.things import Thing

_RECTANGULAR = 0.88
_JOINED = 0.2
"""Of the picture's width and height: smaller pieces are no bars that an axis joins."""
_LEAST_SIDE, _LEAST_BAR = 3, 24
_LARGEST_BAR = 0.4
"""Of the picture: what is larger is a background."""
_MOST_TEXTS = 3
"""What has more texts in it is a panel or a table."""
_HOLLOW = 0.45
_LEAST_CONTRAST = 8.0
_SAME = 2.0
"""How far apart, in pixels, edges may be that are meant to be one."""
_THIN = 0.012
"""A line's stroke, of the picture's longer side, at most; and 5 pixels."""
_LEAST_LINE = 0.12
"""A line's width, of the picture's."""
_REACH = 0.06
"""How far apart, of the picture's width, the visible parts of a line may be."""
_LEAST_WEDGE = 0.002
_ROUND = 0.82
_LARGEST_MARKER = 0.05

Direction = Literal["up", "along"]


@dataclass(frozen=True)
class Marks:
    """What data are drawn with. `direction`: which way bars grow."""

    bars: list[Thing]
    lines: list[Thing]
    wedges: list[Thing]
    pies: list[Thing]
    markers: list[Thing]
    regions: list[Thing]
    rules: list[Thing]
    direction: Direction

    @property
    def data(self) -> list[Thing]:
        return [*self.bars, *self.lines, *self.wedges, *self.markers]


def find_marks(
    pieces: Sequence[Piece],
    words: Sequence[Words],
    palette: Palette,
    legends: Sequence[Legend],
    check_deadline: Callable[[], None],
) -> Marks:
    """Everything in a picture that is neither text nor legend."""
    height, width = palette.labels.shape
    swatches = [entry.swatch for legend in legends for entry in legend.entries]
    taken = set(map(id, swatches))
    letters = letters_among(pieces, words, palette)
    keys = [legend.box.grown(4) for legend in legends]
    shapes = [
        piece
        for piece in pieces
        if id(piece) not in taken
        and palette.contrast(piece.color) >= _LEAST_CONTRAST
        and not any(_is_within(piece.box, box) for box in keys)
        and id(piece) not in letters
    ]
    check_deadline()
    rules = [piece for piece in shapes if _is_rule(piece, width, height)]
    shapes = [part for piece in _without(shapes, rules) for part in _off_axes(piece, width, height)]
    pies, wedges = _pies(shapes, width, height)
    shapes = _without(shapes, [piece for wedge in wedges for piece in wedge.pieces])
    check_deadline()
    rectangles = [piece for piece in shapes if _is_bar(piece, words, width * height)]
    bars, direction = _bars(_without_outlines(rectangles))
    shapes = _without(shapes, [piece for bar in bars for piece in bar.pieces])
    named = {swatch.color for swatch in swatches}
    lines = _lines(shapes, [rule for rule in rules if rule.color in named], palette)
    shapes = _without(shapes, [piece for line in lines for piece in line.pieces])
    squares = [bar.pieces[0] for bar in bars]
    markers = _markers([*shapes, *squares], lines, palette, named)
    used = {id(marker.pieces[0]) for marker in markers}
    bars = [bar for bar in bars if id(bar.pieces[0]) not in used]
    rest = [piece for piece in shapes if id(piece) not in used]
    return Marks(
        bars,
        lines,
        wedges,
        pies,
        markers,
        _regions(rest, width * height),
        [Thing("x_axis", rule.box, 0.6, color=rule.color, pieces=(rule,)) for rule in rules],
        direction,
    )


def _without(pieces: Sequence[Piece], gone: Sequence[Piece]) -> list[Piece]:
    numbers = set(map(id, gone))
    return [piece for piece in pieces if id(piece) not in numbers]


def _is_within(box: Box, other: Box) -> bool:
    return other.has(*box[:2]) and other.has(*box[2:])


def _is_rule(piece: Piece, width: int, height: int) -> bool:
    """An axis, a grid line, a frame: thin and straight, or many such together."""
    box = piece.box
    thin = max(3.0, 0.006 * max(width, height))
    if min(box.width, box.height) <= thin and max(box.width, box.height) >= 12 * min(
        box.width, box.height
    ):
        return True
    large = box.width > 0.3 * width and box.height > 0.3 * height
    if not large or piece.area > 0.2 * box.area:
        return False
    # A grid or a frame: nearly all of it lies in rows and columns it fills.
    rows = piece.mask.mean(axis=1) > 0.6
    columns = piece.mask.mean(axis=0) > 0.6
    covered = int(piece.mask[rows].sum() + piece.mask[:, columns].sum())
    return covered >= 0.7 * piece.area


def _off_axes(piece: Piece, width: int, height: int) -> list[Piece]:
    """A piece, or the bars of the colour of the axes that these have joined into one."""
    box = piece.box
    if box.width < _JOINED * width or box.height < _JOINED * height:
        return [piece]
    if piece.filled >= _RECTANGULAR or piece.area < _JOINED * 0.1 * width * height:
        return [piece]
    parts = thick_parts(piece, int(max(3.0, 0.006 * max(width, height))) + 2)
    bars = [part for part in parts if part.filled >= _RECTANGULAR]
    if len(bars) < 2 or sum(bar.area for bar in bars) < 0.5 * piece.area:
        return [piece]
    return parts


def _is_bar(piece: Piece, words: Sequence[Words], image_area: int) -> bool:
    box = piece.box
    if min(box.width, box.height) < _LEAST_SIDE or piece.area < _LEAST_BAR:
        return False
    if max(box.width, box.height) < 6 or box.area > _LARGEST_BAR * image_area:
        return False
    if piece.filled < _RECTANGULAR:
        return False
    if box.area < 40 * min([one.size for one in words], default=0):
        return True  # too small to have several in it
    return sum(box.has_middle_of(one.box) for one in words) <= _MOST_TEXTS


def _without_outlines(rectangles: Sequence[Piece]) -> list[Piece]:
    """Not the frames that are drawn around bars of another colour."""
    return [
        one
        for one in rectangles
        if one.area > _HOLLOW * one.box.area
        or not any(
            other is not one and _is_within(other.box, one.box.grown(1)) for other in rectangles
        )
    ]


def _bars(rectangles: Sequence[Piece]) -> tuple[list[Thing], Direction]:
    """The rectangles as bars, surer where others have the same width and base."""
    if not rectangles:
        return [], "up"
    edges = np.array([piece.box for piece in rectangles])
    widths, heights = edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1]
    up = _companions(widths, edges[:, 1], edges[:, 3])
    along = _companions(heights, edges[:, 0], edges[:, 2])
    direction: Direction = "up" if _votes(up, heights) >= _votes(along, widths) else "along"
    kin = up if direction == "up" else along
    return [
        Thing("bar", piece.box, 0.9 if count else 0.6, color=piece.color, pieces=(piece,))
        for piece, count in zip(rectangles, kin.tolist(), strict=True)
    ], direction


def _companions(thickness: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(N,) how many others are as thick and begin or end where it does."""
    same = np.abs(thickness[:, None] - thickness) <= np.maximum(_SAME, 0.04 * thickness[:, None])
    ends = np.abs(np.stack([low[:, None] - low, high[:, None] - high,
                            low[:, None] - high, high[:, None] - low])) <= _SAME  # fmt: skip
    return np.asarray((same & ends.any(axis=0)).sum(axis=1) - 1)


def _votes(companions: np.ndarray, lengths: np.ndarray) -> tuple[int, float]:
    """How many bars have a companion; then, how much their lengths differ."""
    spread = float(np.std(lengths)) if len(lengths) > 1 else float(lengths.sum())
    return int((companions > 0).sum()), spread


def _pies(shapes: Sequence[Piece], width: int, height: int) -> tuple[list[Thing], list[Thing]]:
    """Discs and the wedges they are cut into."""
    least = _LEAST_WEDGE * width * height
    large = [
        piece
        for piece in shapes
        if piece.area >= least
        and piece.thickness >= 0.03 * min(width, height)
        and piece.filled < 0.97
        and piece.box.area < 0.9 * width * height
    ]
    if not large:
        return [], []
    canvas = np.zeros((height, width), np.uint8)
    for piece in large:
        x0, y0, x1, y1 = (int(edge) for edge in piece.box)
        canvas[y0:y1, x0:x1] |= piece.mask
    canvas = np.asarray(cv2.morphologyEx(canvas, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)))
    outlines, _ = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    pies, wedges = [], []
    for outline in outlines:
        (x, y), radius = cv2.minEnclosingCircle(outline)
        if cv2.contourArea(outline) < _ROUND * np.pi * radius**2 or radius < 12:
            continue
        disc = Box(x - radius, y - radius, x + radius, y + radius).grown(2)
        members = [
            piece
            for piece in shapes
            if piece.area >= 0.002 * np.pi * radius**2
            and all(disc.has(*corner) for corner in (piece.box[:2], piece.box[2:]))
            and piece.thickness >= 3
        ]
        if len(members) < 2:
            continue
        pies.append(Thing("pie", union_of(one.box for one in members), 0.9))
        wedges += [
            Thing("wedge", piece.box, 0.9, color=piece.color, pieces=(piece,)) for piece in members
        ]
    return pies, wedges


def _lines(shapes: Sequence[Piece], straight: Sequence[Piece], palette: Palette) -> list[Thing]:
    """One line for each colour that has long thin pieces, from all its pieces in a chain.

    `straight`: what looks like grid lines, in colours that name data.
    """
    height, width = palette.labels.shape
    thickest = max(5.0, _THIN * max(width, height))
    lines = []
    for color in sorted({piece.color for piece in (*shapes, *straight)}):
        level = [piece for piece in straight if piece.color == color]
        own = [*(piece for piece in shapes if piece.color == color), *level]
        thin = [piece for piece in own if piece.thickness <= thickest and piece.filled < 0.8]
        longest = max([*thin, *level], key=lambda piece: piece.box.width, default=None)
        if longest is None or longest.box.width < 0.02 * width:
            continue
        chain = _chain(longest, own, _REACH * width)
        box = union_of(piece.box for piece in chain)
        if box.width < _LEAST_LINE * width or _hugs_edge(box, width, height):
            continue
        drawn = sum(piece.box.width for piece in chain if piece.thickness <= thickest)
        if drawn < 0.35 * box.width:  # scattered points are no line
            continue
        sure = 0.85 if not palette.is_gray(color) else 0.7
        chain.sort(key=lambda piece: -piece.area)
        lines.append(Thing("line", box, sure, color=color, pieces=tuple(chain)))
    return [line for line in lines if not _is_edge_of_another(line, lines, palette)]


def _is_edge_of_another(line: Thing, lines: Sequence[Thing], palette: Palette) -> bool:
    """Whether it is but the soft edge of a stronger line, a bit of the paper in its colour."""
    return any(
        other is not line
        and line.color is not None
        and other.color is not None
        and palette.is_blend(line.color, other.color)
        and _is_within(line.box, other.box.grown(3))
        for other in lines
    )


def _hugs_edge(box: Box, width: int, height: int) -> bool:
    """A frame around the picture, or a rule across it."""
    return box.width > 0.97 * width or box.height > 0.97 * height


def _chain(first: Piece, pieces: Sequence[Piece], reach: float) -> list[Piece]:
    """The pieces that lie one after another, from one on."""
    chain, box = [first], first.box
    left = [piece for piece in pieces if piece is not first]
    grew = True
    while grew:
        near = [
            piece
            for piece in left
            if gap(box.x0, box.x1, piece.box.x0, piece.box.x1) <= reach
            and gap(box.y0, box.y1, piece.box.y0, piece.box.y1) <= reach
        ]
        grew = bool(near)
        if near:
            chain += near
            box = union_of(piece.box for piece in chain)
            left = _without(left, near)
    return chain


def _markers(
    shapes: Sequence[Piece], lines: Sequence[Thing], palette: Palette, named: set[int]
) -> list[Thing]:
    """Small compact pieces, several of a colour and a size; then single ones of that size.

    `named`: the colours in legends, of which a gray one is no less a colour.
    """
    height, width = palette.labels.shape
    largest = max(10.0, _LARGEST_MARKER * min(width, height))
    small = [
        piece
        for piece in shapes
        if max(piece.box.width, piece.box.height) <= largest
        and min(piece.box.width, piece.box.height) >= 3
        and 0.5 <= piece.box.width / piece.box.height <= 2
        and piece.area >= 0.42 * piece.box.area
        and not any(_is_on_line(piece, line) for line in lines)
    ]
    found: list[Piece] = []
    for color in sorted({piece.color for piece in small}):
        own = [piece for piece in small if piece.color == color]
        alike = _of_usual_size(own, own)
        if len(alike) >= max(3, 0.5 * len(own)) and not _is_row(alike):
            found += alike
    if found:
        colors = {piece.color for piece in found}
        left = [
            one
            for one in small
            if one.color not in colors and (one.color in named or not palette.is_gray(one.color))
        ]
        found += [one for one in _of_usual_size(left, found) if one.area >= 0.5 * one.box.area]
    return [Thing("marker", one.box, 0.85, color=one.color, pieces=(one,)) for one in found]


def _of_usual_size(pieces: Sequence[Piece], all_of_them: Sequence[Piece]) -> list[Piece]:
    usual = float(np.median([piece.area for piece in all_of_them] or [0]))
    return [piece for piece in pieces if 0.4 * usual <= piece.area <= 2.6 * usual]


def _is_on_line(piece: Piece, line: Thing) -> bool:
    """Whether it is but a part of a line of its colour."""
    return piece.color == line.color and line.box.grown(6).has_middle_of(piece.box)


def _is_row(pieces: Sequence[Piece]) -> bool:
    """Whether squares stand on one line, as short bars do."""
    bottoms = [piece.box.y1 for piece in pieces]
    lefts = [piece.box.x0 for piece in pieces]
    return max(bottoms) - min(bottoms) <= _SAME or max(lefts) - min(lefts) <= _SAME


def _regions(pieces: Sequence[Piece], image_area: int) -> list[Thing]:
    """Any other solid shape."""
    return [
        Thing("region", piece.box, 0.6, color=piece.color, pieces=(piece,))
        for piece in pieces
        if piece.area >= max(30, 2e-4 * image_area)
        and piece.filled >= 0.5
        and piece.box.area < 0.9 * image_area
    ]
