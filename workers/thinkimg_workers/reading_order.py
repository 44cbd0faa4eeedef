"""The order in which a person reads scattered pieces of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

Piece = TypeVar("Piece")

_LEAST_IN_RUN = 3
_EVEN = 0.25
"""How far a step in a run may be from the one before, as a share of it."""
_ALIGNED = 0.6
"""How far edges in a column may be apart, in heights."""
_ALIKE = 1.6
"""Heights in a run differ by this factor at most."""
_ACROSS = 1.5
"""Lines are closer than columns: a gap between top and bottom counts so much more."""
_WEIGHTIEST = 4
"""From so many blocks on either side, a gap counts no more."""


class Extent(NamedTuple):
    """The smallest box around a piece of text, in pixels."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2

    @property
    def center(self) -> float:
        return (self.x0 + self.x1) / 2


class _Block(NamedTuple):
    """Pieces that belong together, by their numbers, in reading order."""

    numbers: list[int]
    extent: Extent


def in_reading_order(pieces: Sequence[Piece], extent_of: Callable[[Piece], Extent]) -> list[Piece]:
    """Rows and columns of labels, columns of text and panels one after another.

    Evenly spaced pieces in a line or under one another (the labels of an axis, a
    legend, a paragraph) make a block first. Then the blocks are parted at the widest
    gaps between them, again and again, top before bottom and left before right: a
    title comes before what stands under it, and a panel before its neighbour.
    """
    extents = [extent_of(piece) for piece in pieces]
    if not extents:
        return []
    blocks = [_Block(run, _around([extents[n] for n in run])) for run in _runs(extents)]
    return [pieces[n] for block in _parted(blocks) for n in block.numbers]


def _runs(extents: list[Extent]) -> list[list[int]]:
    """All numbers, those in even rows or columns together."""
    free = set(range(len(extents)))
    runs: list[list[int]] = []
    for line in _lines(extents, sorted(free)):
        for run in _even(line, [extents[n].center for n in line], extents):
            runs.append(run)
            free.difference_update(run)
    edges: tuple[Callable[[Extent], float], ...] = (
        lambda e: e.x1,
        lambda e: e.x0,
        lambda e: e.center,
    )
    for edge in edges:
        for column in _columns(extents, sorted(free), edge):
            for run in _even(column, [extents[n].middle for n in column], extents):
                runs.append(run)
                free.difference_update(run)
    return runs + [[n] for n in sorted(free)]


def _lines(extents: list[Extent], numbers: list[int]) -> list[list[int]]:
    """Numbers of pieces side by side, from left to right.

    A piece belongs to a line if its middle is within half a height of that of
    the line's highest piece, the lower of the two heights.
    """
    lines: list[list[int]] = []
    for n in sorted(numbers, key=lambda n: extents[n].middle):
        if lines and _side_by_side(extents[lines[-1][0]], extents[n]):
            lines[-1].append(n)
        else:
            lines.append([n])
    return [sorted(line, key=lambda n: extents[n].x0) for line in lines]


def _columns(
    extents: list[Extent], numbers: list[int], edge: Callable[[Extent], float]
) -> list[list[int]]:
    """Numbers of pieces with one edge aligned, from top to bottom."""
    columns: list[list[int]] = []
    for n in sorted(numbers, key=lambda n: edge(extents[n])):
        if columns:
            first = extents[columns[-1][0]]
            reach = _ALIGNED * min(first.height, extents[n].height)
            if abs(edge(first) - edge(extents[n])) <= reach:
                columns[-1].append(n)
                continue
        columns.append([n])
    return [sorted(column, key=lambda n: extents[n].middle) for column in columns]


def _even(numbers: list[int], places: list[float], extents: list[Extent]) -> Iterator[list[int]]:
    """The stretches of a row or column with even steps and alike heights."""
    run: list[int] = []
    step = 0.0
    for index, n in enumerate(numbers):
        if run:
            taken = places[index] - places[index - 1]
            low, high = sorted((extents[n].height, extents[run[-1]].height))
            if high <= _ALIKE * low and (len(run) < 2 or abs(taken - step) <= _EVEN * step):
                run, step = [*run, n], taken
                continue
            if len(run) >= _LEAST_IN_RUN:
                yield run
                run = [n]
            else:  # the last one may begin a run
                alike = high <= _ALIKE * low
                run, step = ([run[-1], n], taken) if alike else ([n], 0.0)
            continue
        run = [n]
    if len(run) >= _LEAST_IN_RUN:
        yield run


def _parted(blocks: list[_Block]) -> list[_Block]:
    """The blocks in order: cut at the widest gap, by how much there is on either side."""
    if len(blocks) < 2:
        return blocks
    upright = _cuts(blocks, 0)
    # Few on the left are an axis: its label and ticks have a title above them and the plot.
    cuts = [*_cuts(blocks, 1), *(cut for cut in upright if len(cut.before) > 2)] or upright
    if not cuts:
        extents = [block.extent for block in blocks]
        return [blocks[n] for line in _lines(extents, list(range(len(blocks)))) for n in line]
    cut = max(cuts, key=lambda cut: cut.depth)
    return _parted(cut.before) + _parted(cut.after)


class _Cut(NamedTuple):
    """A gap through all blocks, and the blocks on either side of it."""

    depth: float
    before: list[_Block]
    after: list[_Block]


def _cuts(blocks: list[_Block], axis: int) -> list[_Cut]:
    """All gaps between left and right (0) or top and bottom (1)."""
    ordered = sorted(blocks, key=lambda block: block.extent[axis])
    reached = ordered[0].extent[axis + 2]
    cuts = []
    for index, block in enumerate(ordered[1:], start=1):
        gap = block.extent[axis] - reached
        if gap > 0:
            weight = min(index, len(ordered) - index, _WEIGHTIEST)
            depth = gap * weight * (_ACROSS if axis else 1)
            cuts.append(_Cut(depth, ordered[:index], ordered[index:]))
        reached = max(reached, block.extent[axis + 2])
    return cuts


def _around(extents: list[Extent]) -> Extent:
    return Extent(
        min(e.x0 for e in extents),
        min(e.y0 for e in extents),
        max(e.x1 for e in extents),
        max(e.y1 for e in extents),
    )


def _side_by_side(one: Extent, other: Extent) -> bool:
    return abs(one.middle - other.middle) < min(one.height, other.height) / 2
