"""The legend: names, and the colours beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thinkimg_eval.synthcharts.planner.paint import Color, strongest
from thinkimg_eval.synthcharts.planner.picture import Closer, Found, labelled
from thinkimg_eval.synthcharts.planner.places import Box, overlap, union_of
from thinkimg_eval.synthcharts.planner.texts import Span, reading

SWATCHES = "legend colors"
_MARGIN = 0.004
_LENGTH = 2.5
"""How long a swatch is, with the space beside it, in heights of the text."""


@dataclass(frozen=True)
class Entry:
    """One name in a legend."""

    name: str
    swatch: Box


def entries_of(spans: Sequence[Span], found: Sequence[Found]) -> list[Entry]:
    """Each swatch with the text right of it."""
    entries = []
    for swatch in labelled(found, SWATCHES):
        beside = [
            span
            for span in spans
            # OCR may have taken the swatch for the first letter of its name.
            if span.box.x0 > swatch.x0 - 0.5 * swatch.width
            and span.box.x1 > swatch.x1 + 0.5 * swatch.width
            and overlap(span.box.y0, span.box.y1, swatch.y0, swatch.y1) > 0
        ]
        if beside:
            entries.append(Entry(min(beside, key=lambda span: span.box.x0).text, swatch))
    return entries


def entry_named(
    name: str, spans: Sequence[Span], entries: Sequence[Entry], aspect: float
) -> Entry | None:
    """The entry of a series. Where no swatch was found, OCR has taken it for a part of the
    name, or it is left of it: then all of that place stands for it.

    `aspect`: width over height of the picture.
    """
    said = reading(name, spans)
    for entry in entries:
        if any(span.text == entry.name for span in said):
            return entry
    if not said:
        return None
    box = said[0].box
    left = max(0.0, box.x0 - _LENGTH * box.height / aspect)
    return Entry(name, Box(left, box.y0, box.x1, box.y1))


def area_of(entries: Sequence[Entry]) -> Box:
    """All of their swatches; there must be one."""
    return union_of([entry.swatch for entry in entries]).grown(_MARGIN)


def colors_in(closer: Closer, entries: Sequence[Entry], paper: Color) -> list[Color | None]:
    """What the entries' colours are, in a closer look at their area."""
    return [strongest(closer.part(entry.swatch), paper) for entry in entries]
