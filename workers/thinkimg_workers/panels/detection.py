"""The panels of a figure, from its pixels and the text read in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from thinkimg_rpc.imaging.rgb import Pixels, known_uint8
from thinkimg_workers.panels.cells import cells_of
from thinkimg_workers.panels.content import Mask, content_of, trimmed
from thinkimg_workers.panels.headings import Text, figure_headings, split_at_blanks, title_over
from thinkimg_workers.panels.plots import find_plots
from thinkimg_workers.panels.rect import Rect
from thinkimg_workers.text_line import TextLine

_LONGEST_SIDE = 2000
"""Panels are searched in pictures reduced to this: lines stay visible, and it takes no longer."""


@dataclass(frozen=True)
class Panel:
    """A panel in pixels of the picture: all that belongs to it, and its plot alone."""

    box: Rect
    area: Rect
    title: str
    words: tuple[str, ...] = ()
    """All that is written in it: labels, legend and title."""


def find_panels(pixels: Pixels, lines: Iterable[TextLine]) -> list[Panel]:
    """The panels of (H, W, 3) RGB pixels, in no particular order.

    A figure of one plot is one panel, everything drawn; a blank picture has none.
    """
    height, width = pixels.shape[:2]
    scale = _scale_of(pixels)
    reduced = _reduced(pixels, scale)
    content = content_of(reduced)
    texts = [
        part
        for line in lines
        for part in split_at_blanks(_fitted(_text_of(line, scale), content), content)
    ]
    places = [text.place for text in texts]
    plots = find_plots(reduced, content, places)
    headings = figure_headings(texts, [plot.area for plot in plots], content.shape[1])
    own = [text for text in texts if text not in headings]
    _erase(content, [text.place for text in headings], [plot.area for plot in plots])
    if len(plots) < 2:
        whole = trimmed(content, Rect(0, 0, content.shape[1], content.shape[0]))
        found = [(plots[0].area if plots else whole, whole)] if whole else []
    else:
        found = [
            (plot.area, trimmed(content, cell) or plot.whole)
            for plot, cell in cells_of(content, plots, own)
        ]
    return [
        Panel(
            box=_enlarged(box, scale, width, height),
            area=_enlarged(area, scale, width, height),
            title=title_over(area, box, own),
            words=tuple(text.text for text in own if box.has_middle_of(text.place)),
        )
        for area, box in found
    ]


def is_blank(pixels: Pixels) -> bool:
    """Whether nothing is drawn in (H, W, 3) RGB pixels: there is nothing to read, either."""
    return not content_of(_reduced(pixels, _scale_of(pixels))).any()


def _scale_of(pixels: Pixels) -> float:
    """How much smaller the picture is in which panels are searched."""
    height, width = pixels.shape[:2]
    return float(min(1.0, _LONGEST_SIDE / max(height, width)))


def _reduced(pixels: Pixels, scale: float) -> Pixels:
    if scale == 1:
        return pixels
    height, width = pixels.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return known_uint8(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def _text_of(line: TextLine, scale: float) -> Text:
    """A line in the reduced picture."""
    corners = line.corners * scale
    x0, y0 = np.floor(corners.min(axis=0)).astype(int).tolist()
    x1, y1 = np.ceil(corners.max(axis=0)).astype(int).tolist()
    run = corners[1] - corners[0]
    return Text(line.text, Rect(x0, y0, x1, y1), upright=bool(abs(run[1]) > abs(run[0])))


def _fitted(text: Text, content: Mask) -> Text:
    """The text in a box without margins: readers differ in how wide theirs are."""
    place = trimmed(content, text.place)
    return replace(text, place=place) if place else text


def _erase(content: Mask, places: Sequence[Rect], areas: Sequence[Rect]) -> None:
    """Take text, and what of it sticks out of its box, off what is drawn."""
    for place in places:
        grown = place.grown(max(2, min(place.width, place.height) // 5))
        if any(grown.meets(area) for area in areas):
            grown = place
        content[max(0, grown.y0) : grown.y1, max(0, grown.x0) : grown.x1] = False


def _enlarged(rect: Rect, scale: float, width: int, height: int) -> Rect:
    """From the reduced picture to the given one."""
    return Rect(
        int(rect.x0 / scale),
        int(rect.y0 / scale),
        min(width, int(np.ceil(rect.x1 / scale))),
        min(height, int(np.ceil(rect.y1 / scale))),
    )
