"""What the small view tells before any tool is called: what kind of chart it is."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from thinkimg_eval.synthcharts.planner.paint import Pixels, paper_of

Kind = Literal["bars", "line", "slices", "points"]

_SAME = 10.0
"""Neighbouring pixels within this of each other are one colour."""
_OTHER = 30.0
"""This far from the paper is not paper."""
_SOLID = 0.012
"""The part of a picture that is solid colour where there are bars or slices."""
_COLORLESS = 0.001
_ROUND = 0.8
_RUN = 7


def kind_seen(pixels: Pixels, aspect: float) -> Kind:
    """What the data seem to be drawn with. `aspect`: width over height of the picture."""
    paper = paper_of(pixels)
    solid = _solid(pixels, paper)
    if solid.mean() >= _SOLID:
        return "slices" if _is_disc(solid, aspect) else "bars"
    if _striped(pixels).mean() >= _SOLID:
        return "bars"
    drawn = (np.linalg.norm(pixels - paper, axis=2) > _OTHER) & (_chroma(pixels) > _OTHER)
    if drawn.mean() < _COLORLESS:
        return "line"  # points come in several colours, of which one at most is gray
    count, _, stats, _ = cv2.connectedComponentsWithStats(drawn.astype(np.uint8), connectivity=8)
    widest = max((int(stats[at, cv2.CC_STAT_WIDTH]) for at in range(1, count)), default=0)
    return "line" if widest > 0.3 * pixels.shape[1] else "points"


def _solid(pixels: Pixels, paper: np.ndarray) -> np.ndarray:
    """(H, W) where a pixel and all around it have one colour that is not the paper's."""
    low = cv2.erode(pixels, np.ones((3, 3), np.uint8))
    high = cv2.dilate(pixels, np.ones((3, 3), np.uint8))
    flat = (high - low).max(axis=2) <= _SAME
    return np.asarray(flat & (np.linalg.norm(pixels - paper, axis=2) > _OTHER))


def _striped(pixels: Pixels) -> np.ndarray:
    """(H, W) where colour goes straight on upwards or sideways, as in bars too thin to be solid."""
    along = np.zeros(pixels.shape[:2], bool)
    for kernel in (np.ones((_RUN, 1), np.uint8), np.ones((1, _RUN), np.uint8)):
        change = cv2.dilate(pixels, kernel) - cv2.erode(pixels, kernel)
        along |= change.max(axis=2) <= _SAME
    return np.asarray(along & (_chroma(pixels) > _OTHER))


def _is_disc(solid: np.ndarray, aspect: float) -> bool:
    """Whether solid colour fills a circle, but for the lines between slices."""
    closed = cv2.morphologyEx(solid.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return False
    largest = max(outlines, key=cv2.contourArea)
    _, radius = cv2.minEnclosingCircle(largest)
    return bool(cv2.contourArea(largest) > _ROUND * np.pi * radius**2)


def _chroma(pixels: Pixels) -> np.ndarray:
    return np.asarray(pixels.max(axis=2) - pixels.min(axis=2))
