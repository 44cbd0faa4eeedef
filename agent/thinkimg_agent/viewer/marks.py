"""The geometry in a call and its answer, as shapes to lay over the image it was about.

Contracts say where geometry is, but a recorded call is plain JSON; there a box is
the object with x0, y0, x1 and y1, a point the one with x and y, a mask the one with
counts, in tools of one's own as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from thinkimg_rpc.imaging.mask import pixels_of
from thinkimg_rpc.v1 import Mask

_BOX = {"x0", "y0", "x1", "y1"}
_POINT = {"x", "y"}
_MASK = {"width", "height", "counts"}
_LABELS = ("label", "text", "title")
MOST_MARKS = 400


@dataclass(frozen=True)
class Mark:
    """One shape, in pixels of the image."""

    kind: str
    """"box", "point" or "mask"."""
    asked: bool
    """Whether the model gave it, rather than the tool."""
    label: str = ""
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0
    path: str = ""
    """Of a mask: its outline, as an SVG path."""


def marks_of(request: Mapping[str, Any], response: Mapping[str, Any] | None) -> list[Mark]:
    """What to draw for a call: what was asked about first, then what was found."""
    found = [*_walk(request, "", asked=True), *_walk(response or {}, "", asked=False)]
    return found[:MOST_MARKS]


def _walk(value: Any, label: str, *, asked: bool) -> Iterator[Mark]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, label, asked=asked)
    if not isinstance(value, Mapping):
        return
    keys = value.keys()
    if keys >= _BOX:
        x0, y0, x1, y1 = (float(value[key]) for key in ("x0", "y0", "x1", "y1"))
        yield Mark("box", asked, label, x0, y0, x1 - x0, y1 - y0)
    elif keys == _POINT:
        yield Mark("point", asked, label, float(value["x"]), float(value["y"]))
    elif keys == _MASK:
        yield Mark("mask", asked, label, path=_outline(value))
    else:
        own = next((str(value[key]) for key in _LABELS if value.get(key)), label)
        for key, part in value.items():
            if not (key == "quad" and "box" in value):  # one outline of a text is enough
                yield from _walk(part, own, asked=asked)


def _outline(mask: Mapping[str, Any]) -> str:
    """The edges of a mask; "" for counts that describe none."""
    try:
        pixels = pixels_of(Mask(**mask))
    except (ValueError, TypeError):
        return ""
    outlines, _ = cv2.findContours(pixels.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return " ".join(
        "M" + " L".join(f"{x + 0.5:g},{y + 0.5:g}" for x, y in outline.reshape(-1, 2)) + " Z"
        for outline in outlines
    )
