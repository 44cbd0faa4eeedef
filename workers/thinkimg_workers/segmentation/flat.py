"""Regions of one flat colour: bars, wedges, markers, lines, backgrounds.

At full resolution, because what is drawn is sharp: a connected part of one colour,
and of its antialiased rim the pixels that it covers by half.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from thinkimg_rpc.imaging.mask import MaskPixels
from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_workers.segmentation.border import clarity, steps_across
from thinkimg_workers.segmentation.frame import frame_of, grown
from thinkimg_workers.segmentation.region import Region
from thinkimg_workers.segmentation.segmenter import Spot
from thinkimg_workers.segmentation.steps import (
    part_at,
    to_lab,
    touches_inner_edge,
    window_around,
    without_holes,
)

Color = NDArray[np.float32]
"""(3,) RGB, 0 to 255."""

TOLERANCE = 10
"""How far a channel may be from a flat colour: what JPEG leaves of one."""
_FIRST_WINDOW = 512
_WINDOW_GROWTH = 4
_SNAP = 0.35
"""A point on a rim means the flat colour beside it if it is that near to it, as a share
of the contrast there."""


def flat_region_at(pixels: Pixels, spot: Spot) -> Region:
    """The flat region, or the stroke, that a point lies on; noise gives a few pixels."""
    color, is_stroke = color_at(pixels, spot)
    height, width = pixels.shape[:2]
    side = _FIRST_WINDOW
    while True:
        window = window_around(spot, side, height, width)
        part = pixels[window.rows, window.columns]
        seed = int(spot[0]) - window.x0, int(spot[1]) - window.y0
        mask = _stroke(part, seed, color) if is_stroke else _area_or_stroke(part, seed, color)
        frame = Region(window, mask).frame
        if frame is None or not touches_inner_edge(frame, window, height, width):
            return _rated(part, Region(window, mask))
        side *= _WINDOW_GROWTH


def color_at(pixels: Pixels, spot: Spot) -> tuple[Color, bool]:
    """The colour meant by a point, and whether it is that of a stroke too thin to be flat.

    On an antialiased pixel it is the colour of one of the sides.
    """
    x, y = int(spot[0]), int(spot[1])
    near = window_around(spot, 7, *pixels.shape[:2])
    part = pixels[near.rows, near.columns]
    spread = spread_of(part)
    own = pixels[y, x].astype(np.float32)
    if spread[y - near.y0, x - near.x0] <= TOLERANCE:
        return own, False
    flat = part[spread <= TOLERANCE].astype(np.float32)
    around = part.reshape(-1, 3).astype(np.float32)
    contrast = np.linalg.norm(around - own, axis=1).max()
    if flat.size:
        distances = np.linalg.norm(flat - own, axis=1)
        if distances.min() <= _SNAP * contrast:
            return cast(Color, flat[distances.argmin()]), False
    close = window_around(spot, 3, *pixels.shape[:2])
    ground = np.median(around, axis=0)
    touching = pixels[close.rows, close.columns].reshape(-1, 3).astype(np.float32)
    away = touching - ground
    along = away @ (own - ground) / max(1e-6, float(np.linalg.norm(own - ground)))
    aside = np.sqrt(np.maximum(0, (away**2).sum(axis=1) - along**2))
    return cast(Color, touching[np.where(aside <= 2 * TOLERANCE, along, -np.inf).argmax()]), True


def spread_of(part: Pixels) -> NDArray[np.uint8]:
    """(H, W) how far the pixels around each pixel are apart, in the channel where it is most."""
    square = np.ones((3, 3), np.uint8)
    spread = cv2.subtract(cv2.dilate(part, square), cv2.erode(part, square))
    return cast(NDArray[np.uint8], spread.max(axis=2))


def with_rim(part: Pixels, core: MaskPixels, color: Color) -> MaskPixels:
    """A region of a colour with the pixels around it that it covers by half.

    What is beyond its rim is looked up within three pixels.
    """
    inside = core.view(np.uint8)
    beside = cv2.dilate(inside, np.ones((3, 3), np.uint8)) > inside
    beyond = (cv2.dilate(inside, np.ones((5, 5), np.uint8)) == 0).astype(np.float32)
    values = part.astype(np.float32)
    total = cv2.boxFilter(values * beyond[..., None], -1, (7, 7), normalize=False)
    count = cv2.boxFilter(beyond, -1, (7, 7), normalize=False)
    other = total / np.maximum(count, 1e-6)[..., None]
    is_nearer = ((values - color) ** 2).sum(axis=2) < ((values - other) ** 2).sum(axis=2)
    rim: MaskPixels = beside & (count > 0.5) & is_nearer
    return core | rim


def like(part: Pixels, color: Color) -> MaskPixels:
    """Where a picture has this colour."""
    low, high = (tuple(map(float, color + by)) for by in (-TOLERANCE, TOLERANCE))
    return cv2.inRange(part, low, high) > 0


def stroke_pixels(part: Pixels, color: Color, ground: Color) -> MaskPixels:
    """Where a picture has a colour, or it and the ground's mixed with no less than half of it."""
    span = ground - color
    reach = float(np.linalg.norm(span))
    away = part.astype(np.float32) - color
    share = away @ (span / reach)
    aside = (away**2).sum(axis=2) - share**2
    mixed = (share < 0.5 * reach) & (share > -TOLERANCE) & (aside < (2 * TOLERANCE) ** 2)
    return cast(MaskPixels, mixed | like(part, color))


def with_small_holes_filled(mask: MaskPixels) -> MaskPixels:
    """With what is written or drawn on it: holes that are strokes, not openings."""
    holes = without_holes(mask) & ~mask
    area = np.count_nonzero(mask)
    if not holes.any() or np.count_nonzero(holes) > 0.5 * area:
        return mask
    depth = cv2.distanceTransform(holes.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
    count, labels = cv2.connectedComponents(holes.view(np.uint8), connectivity=8)
    is_large = np.zeros(count, np.bool_)
    is_large[labels[depth > max(3.0, 0.05 * area**0.5)]] = True
    return cast(MaskPixels, mask | (holes & ~is_large[labels]))


def _area_or_stroke(part: Pixels, seed: tuple[int, int], color: Color) -> MaskPixels:
    near = like(part, color)
    core = part_at(near, *_nearest(near, seed))
    if is_thin(core):
        return _stroke(part, seed, color)
    frame = frame_of(core)
    if frame is None:
        return core
    kept = grown(frame, 6, part.shape)
    mask = np.zeros_like(core)
    mask[kept.rows, kept.columns] = with_small_holes_filled(
        with_rim(part[kept.rows, kept.columns], core[kept.rows, kept.columns], color)
    )
    return mask


def _stroke(part: Pixels, seed: tuple[int, int], color: Color) -> MaskPixels:
    """A thin line of that colour, over what crosses it and over the gaps of its dashes."""
    ground = _ground_of(part, seed, color)
    if float(np.linalg.norm(ground - color)) < 2 * TOLERANCE:
        near = like(part, color)
        return part_at(near, *_nearest(near, seed))
    strokes = stroke_pixels(part, color, ground)
    column, row = _nearest(strokes, seed)
    piece = part_at(strokes, column, row, connectivity=8)
    if not is_thin(piece):
        return piece
    # A gap that shows the ground ends a stroke, unless it is a dash's; where something
    # else crosses, the stroke goes on under it.
    width = max(2, round(thickness(piece)))
    covered = ((part.astype(np.float32) - ground) ** 2).sum(axis=2) > (
        0.5 * np.linalg.norm(color - ground)
    ) ** 2
    dashes, crossing = (_widened(strokes, reach * width) for reach in (1, 5))
    line = part_at(dashes | (crossing & covered), column, row, connectivity=8)
    under = _between(strokes, 6 * width) & covered
    return cast(MaskPixels, line & (strokes | under))


def _widened(mask: MaskPixels, by: int) -> MaskPixels:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by + 1, 2 * by + 1))
    return cast(MaskPixels, cv2.dilate(mask.view(np.uint8), disc).view(np.bool_))


def _between(mask: MaskPixels, apart: int) -> MaskPixels:
    """With what lies between two of its pixels in one row or column."""
    values = mask.view(np.uint8)
    across, down = (
        cv2.morphologyEx(values, cv2.MORPH_CLOSE, np.ones(shape, np.uint8))
        for shape in ((1, apart), (apart, 1))
    )
    return (across > 0) | (down > 0)


def thickness(mask: MaskPixels) -> float:
    """How wide a stroke is, in pixels, about."""
    depth = cv2.distanceTransform(np.pad(mask, 1).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)[
        1:-1, 1:-1
    ]
    return float(4 * depth[mask].mean() - 2) if mask.any() else 0.0


def is_thin(mask: MaskPixels) -> bool:
    """Whether it is a stroke: thin, and long for that."""
    frame = frame_of(mask)
    if frame is None:
        return False
    part = mask[frame.rows, frame.columns]
    width = max(1.0, thickness(part))
    return width <= 6 and np.hypot(*part.shape) >= 5 * width + 4


def _ground_of(part: Pixels, seed: tuple[int, int], color: Color) -> Color:
    """The colour that a stroke is drawn on."""
    near = window_around(seed, 21, *part.shape[:2])
    around = part[near.rows, near.columns].reshape(-1, 3).astype(np.float32)
    others = around[np.abs(around - color).max(axis=1) > 2 * TOLERANCE]
    return cast(Color, np.median(others, axis=0).astype(np.float32)) if others.size else color


def _nearest(mask: MaskPixels, seed: tuple[int, int]) -> tuple[int, int]:
    """The seed, or the pixel of the mask beside it."""
    near = window_around(seed, 7, *mask.shape)
    rows, columns = np.nonzero(mask[near.rows, near.columns])
    if rows.size == 0:
        return seed
    x, y = columns + near.x0, rows + near.y0
    best = int(((x - seed[0]) ** 2 + (y - seed[1]) ** 2).argmin())
    return int(x[best]), int(y[best])


def _rated(part: Pixels, region: Region) -> Region:
    frame = frame_of(region.mask)
    if frame is None:
        return region
    kept = grown(frame, 8, part.shape)
    steps = steps_across(
        to_lab(part[kept.rows, kept.columns]), region.mask[kept.rows, kept.columns]
    )
    return Region(region.window, region.mask, clarity(steps))
