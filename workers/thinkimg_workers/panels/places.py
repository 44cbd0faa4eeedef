"""Where panels stand among each other: rows, columns, and the order they are read in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thinkimg_workers.panels.detection import Panel
from thinkimg_workers.panels.rect import Rect

_COVERED, _TOUCHING = 0.3, 0.2
"""Of the shorter of two spans: sharing more, a panel stands in a row; less, rows are two."""


@dataclass(frozen=True)
class Place:
    """A panel's cells in the grid that all panels make: rows and columns count from 0."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True)
class Layout:
    """The panels in reading order, row by row, with the place of each."""

    panels: tuple[Panel, ...]
    places: tuple[Place, ...]
    rows: int
    columns: int

    def name_of(self, index: int) -> str:
        """A panel's place in words: "top left", "row 2, column 3", "third"."""
        place = self.places[index]
        if self.rows <= 3 and self.columns <= 3 and len(self.panels) > 1:
            words = [
                _side(place.row, place.rows, self.rows, ("top", "middle", "bottom")),
                _side(place.column, place.columns, self.columns, ("left", "middle", "right")),
            ]
            said = [word for word in words if word]
            if said:
                return "middle" if said == ["middle", "middle"] else " ".join(said)
        return f"row {place.row + 1}, column {place.column + 1}"


def layout_of(panels: Sequence[Panel]) -> Layout:
    """Arrange panels in rows and columns by their plots, which line up better than labels do."""
    rows = _bands([(panel.area.y0, panel.area.y1) for panel in panels])
    columns = _bands([(panel.area.x0, panel.area.x1) for panel in panels])
    placed = [(_place_of(panel.area, rows, columns), panel) for panel in panels]
    placed.sort(key=lambda one: (one[0].row, one[0].column, one[1].area.x0))
    return Layout(
        tuple(panel for _, panel in placed),
        tuple(place for place, _ in placed),
        len(rows),
        len(columns),
    )


def _bands(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The rows or columns there are: as many spans as do not overlap."""
    bands: list[tuple[int, int]] = []
    for span in sorted(spans, key=lambda span: span[1]):
        if not bands or _shared(span, bands[-1]) <= _TOUCHING:
            bands.append(span)
    return bands


def _shared(one: tuple[int, int], other: tuple[int, int]) -> float:
    """How much of the shorter of two spans lies in the other."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return shared / max(1, min(one[1] - one[0], other[1] - other[0]))


def _place_of(
    area: Rect, rows: Sequence[tuple[int, int]], columns: Sequence[tuple[int, int]]
) -> Place:
    in_rows = _among((area.y0, area.y1), rows)
    in_columns = _among((area.x0, area.x1), columns)
    return Place(
        in_rows[0],
        in_columns[0],
        in_rows[-1] - in_rows[0] + 1,
        in_columns[-1] - in_columns[0] + 1,
    )


def _among(span: tuple[int, int], bands: Sequence[tuple[int, int]]) -> list[int]:
    """The bands a span lies in: that it shares most with, and others it covers well."""
    shares = [_shared(span, band) for band in bands]
    return [index for index, share in enumerate(shares) if share >= min(_COVERED, max(shares))]


def _side(first: int, count: int, of: int, names: tuple[str, str, str]) -> str:
    """At which side it stands; "" if it takes all, or there is but one."""
    if count == of:
        return ""
    if first == 0:
        return names[0]
    return names[2] if first + count == of else names[1]
