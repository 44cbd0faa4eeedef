"""The legend: names, and the colours beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thinkimg_eval.synthcharts.planner.picture import Found, labelled
from thinkimg_eval.synthcharts.planner.places import Box, overlap
from thinkimg_eval.synthcharts.planner.texts import Span

SWATCHES = "legend colors"


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
            if span.box.x0 > swatch.x
            and overlap(span.box.y0, span.box.y1, swatch.y0, swatch.y1) > 0
        ]
        if beside:
            name = min(beside, key=lambda span: span.box.x0)
            entries.append(Entry(name.text, swatch))
    return entries
