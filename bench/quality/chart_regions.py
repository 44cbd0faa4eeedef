"""The marks of drawn charts as masks, and a point and a box for each to ask for it by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from bench.quality.drawn_shapes import Region
from thinkimg_eval.charts import Chart, Element
from thinkimg_rpc.imaging.mask import MaskPixels

ROLES = ("bar", "wedge", "marker", "line")
_EACH = 2
"""How many elements of each role are taken from one chart."""
_SUBPIXELS = 8
_MOST_COVERED = 0.25
_LEAST_PIXELS = 9


@dataclass(frozen=True)
class ChartRegion(Region):
    """One element of one chart."""

    role: str


def regions_of(chart: Chart, seed: int) -> Iterator[ChartRegion]:
    """A few elements of each role, chosen by the seed.

    Left out: what others cover for the most part, and lines with markers, whose
    outline is that of the line alone.
    """
    random = np.random.default_rng(seed)
    marks = [one for one in chart.elements if one.role in ROLES and one.polygon is not None]
    for role in ROLES:
        candidates = [one for one in marks if one.role == role and not _has_markers(one)]
        for index in random.permutation(len(candidates))[:_EACH]:
            found = _region(chart, candidates[index], marks, random)
            if found is not None:
                yield found


def _region(
    chart: Chart, element: Element, marks: list[Element], random: np.random.Generator
) -> ChartRegion | None:
    shape = chart.pixels.shape[:2]
    mask = mask_of_polygon(element, shape)
    others = np.zeros(shape, np.uint8)
    for other in marks:
        if other is not element and other.polygon is not None:
            cv2.fillPoly(others, [np.rint(other.polygon).astype(np.int32)], 1)
    area, covered = np.count_nonzero(mask), np.count_nonzero(mask & (others > 0))
    if area < _LEAST_PIXELS or covered > _MOST_COVERED * area:
        return None
    depth = cv2.distanceTransform(
        np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )[1:-1, 1:-1]
    depth = np.where(others > 0, 0, depth)
    rows, columns = np.nonzero(depth >= 0.5 * depth.max())
    chosen = int(random.integers(len(rows)))
    point = float(columns[chosen]) + 0.5, float(rows[chosen]) + 0.5
    return ChartRegion(chart.pixels, mask, point, element.role)


def mask_of_polygon(element: Element, shape: tuple[int, ...]) -> MaskPixels:
    """(H, W) the pixels that an element covers by half or more."""
    assert element.polygon is not None
    height, width = shape[:2]
    x0, y0 = np.maximum(np.floor(element.polygon.min(axis=0)).astype(int) - 1, 0)
    x1, y1 = np.minimum(np.ceil(element.polygon.max(axis=0)).astype(int) + 1, (width, height))
    mask = np.zeros((height, width), np.bool_)
    if x0 < x1 and y0 < y1:
        large = np.zeros(((y1 - y0) * _SUBPIXELS, (x1 - x0) * _SUBPIXELS), np.uint8)
        corners = (element.polygon - (x0, y0)) * _SUBPIXELS - 0.5
        cv2.fillPoly(large, [np.rint(corners * 16).astype(np.int32)], 255, shift=4)
        size = (int(x1 - x0), int(y1 - y0))
        mask[y0:y1, x0:x1] = cv2.resize(large, size, interpolation=cv2.INTER_AREA) >= 128
    return mask


def _has_markers(element: Element) -> bool:
    """Whether a line's box is larger than its stroke."""
    assert element.polygon is not None
    low, high = element.polygon.min(axis=0), element.polygon.max(axis=0)
    x0, y0, x1, y1 = element.box
    return (
        element.role == "line"
        and float(max(low[0] - x0, low[1] - y0, x1 - high[0], y1 - high[1])) > 1
    )
