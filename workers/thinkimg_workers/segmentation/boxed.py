"""What a box is drawn around."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import cv2
import numpy as np

from thinkimg_rpc.imaging.mask import MaskPixels
from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.tool import PixelBox
from thinkimg_workers.segmentation.border import clarity, steps_across
from thinkimg_workers.segmentation.flat import (
    TOLERANCE,
    Color,
    like,
    stroke_pixels,
    with_rim,
    with_small_holes_filled,
)
from thinkimg_workers.segmentation.frame import area_of, frame_of, grown, overlap
from thinkimg_workers.segmentation.nested import Guess, Pixel, best_of, guesses_at, rated
from thinkimg_workers.segmentation.region import Region
from thinkimg_workers.segmentation.segmenter import Prompt
from thinkimg_workers.segmentation.steps import to_lab, without_holes
from thinkimg_workers.segmentation.textured import Reduced, cut_around

_FIT = 0.75
"""How well a region's own box must fit the box that was drawn, intersection over union."""
_MOST_COLORS = 8
_LEAST_PIXELS = 8
_LEAST_SHARE = 0.0004
_LEAST_FIT = 0.2
_FULLNESS = 0.15
_CLEARLY = 0.02
_KNOWN = 0.002
"""The share of its surroundings that a colour has to have to be known from there."""
_FOREIGN = 0.15
"""As many pixels of other colours may be beside a region, as a share of its own, …"""
_FOREIGN_IN_BOX = 0.1
"""… or of the box."""
_MOST_OF_STROKES = 0.25
"""Strokes leave most of their box free."""


def window_of(box: PixelBox, shape: tuple[int, ...]) -> PixelBox:
    """The box and what is around it: what its content is told from."""
    return grown(box, 8 + max(box.x1 - box.x0, box.y1 - box.y0) // 4, shape)


def flat_region_in(pixels: Pixels, box: PixelBox) -> Region | None:
    """The flat region, or the strokes of one colour, that just fit into the box, if any do."""
    window = window_of(box, pixels.shape)
    part = np.ascontiguousarray(pixels[window.rows, window.columns])
    inner = _within(box, window)
    best, best_fit = None, _LEAST_FIT
    for color in _colors_in(part[inner.rows, inner.columns]):
        for mask in _regions_of(part, inner, color):
            fit = _fit(mask, inner)
            if fit < _FIT:
                continue
            # What is only the outline of something is not preferred to what it outlines,
            # nor the rim of a stroke to the stroke.
            fit *= (np.count_nonzero(mask) / area_of(inner)) ** _FULLNESS
            if fit > best_fit and _rest_is_ground(part, inner, mask):
                best, best_fit = mask, fit + _CLEARLY
    if best is None:
        return None
    mask = with_small_holes_filled(best)
    return Region(window, mask, clarity(steps_across(to_lab(part), mask)))


def object_in(
    pixels: Pixels, prompt: Prompt, box: PixelBox, check_deadline: Callable[[], None]
) -> Region:
    """What fits the box and stands out most, of what GrabCut finds and what grows in it."""
    reduced = Reduced(pixels, window_of(box, pixels.shape))
    inner = reduced.box(box)
    whole = np.zeros(reduced.small.shape[:2], np.bool_)
    whole[inner.rows, inner.columns] = True
    cut = _largest_part(cut_around(reduced, whole, prompt))
    check_deadline()
    middle = _middle_of(whole, inner)
    seeds = [reduced.pixel(x, y) for x, y in prompt.points[:1]] or [middle]
    if not prompt.points and cut.any() and not cut[middle[1], middle[0]]:
        seeds.append(_middle_of(cut, inner))
    guesses = [rated(reduced.lab, cut)]
    for seed in seeds:
        guesses.extend(guesses_at(reduced.lab, seed, check_deadline))
    best = best_of([_fitted(guess, inner) for guess in guesses])
    mask = whole if best is None or best.merit == 0 else best.mask & whole
    for x, y in prompt.background:
        column, row = reduced.pixel(x, y)
        if mask[row, column]:
            mask = cut_around(reduced, mask, prompt)
    return reduced.region(mask)


def _colors_in(part: Pixels) -> Iterator[Color]:
    """The flat colours of a picture, the most common first."""
    codes = (part >> 3).astype(np.int32) @ np.array([1024, 32, 1], np.int32)
    counts = np.bincount(codes.ravel(), minlength=1 << 15)
    seen: list[Color] = []
    for code in np.argsort(counts)[::-1][: 4 * _MOST_COLORS]:
        if counts[code] < max(_LEAST_PIXELS, _LEAST_SHARE * codes.size):
            return
        color = cast(Color, np.median(part[codes == code], axis=0).astype(np.float32))
        if all(np.abs(color - other).max() > TOLERANCE for other in seen):
            seen.append(color)
            yield color
        if len(seen) == _MOST_COLORS:
            return


def _regions_of(part: Pixels, inner: PixelBox, color: Color) -> Iterator[MaskPixels]:
    """What of this colour may be meant: a part that fits the box, all that is in it, strokes."""
    near = like(part, color)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(near.view(np.uint8), connectivity=8)
    frames = np.concatenate([stats[:, :2], stats[:, :2] + stats[:, 2:4]], axis=1)
    size = inner.x1 - inner.x0, inner.y1 - inner.y0
    # Of thousands of specks none needs to be looked at one by one.
    is_large = np.all(stats[:, 2:4] + 2 >= np.multiply(size, _FIT), axis=1, keepdims=True)[:, 0]
    is_large[0] = False
    fits = {
        int(index): _fit_of_box(PixelBox(*frames[index].tolist()), inner)
        for index in np.flatnonzero(is_large)
    }
    fitting = max(fits, key=lambda index: fits[index], default=0)
    if fitting and fits[fitting] > _FIT:
        yield _rimmed(part, labels == fitting, color)
    if _share_around(near, inner) > 0.5 * near[inner.rows, inner.columns].mean():
        return  # the ground, or what goes through the box
    reach = grown(inner, 2, part.shape)
    is_inside = (frames * (1, 1, -1, -1) >= np.multiply(reach, (1, 1, -1, -1))).min(axis=1)
    is_inside[0] = False
    inside = cast(MaskPixels, is_inside[labels])
    yield _rimmed(part, inside, color)
    around = part[inner.rows, inner.columns][~near[inner.rows, inner.columns]]
    if around.size == 0 or np.count_nonzero(inside) > _MOST_OF_STROKES * area_of(inner):
        return
    ground = np.median(around, axis=0).astype(np.float32)
    if float(np.linalg.norm(ground - color)) > 2 * TOLERANCE:
        strokes = np.zeros_like(near)
        kept = reach.rows, reach.columns
        strokes[kept] = stroke_pixels(part[kept], color, ground)
        yield strokes


def _rimmed(part: Pixels, core: MaskPixels, color: Color) -> MaskPixels:
    frame = frame_of(core)
    if frame is None:
        return core
    kept = grown(frame, 6, part.shape)
    mask = np.zeros_like(core)
    mask[kept.rows, kept.columns] = with_rim(
        part[kept.rows, kept.columns], core[kept.rows, kept.columns], color
    )
    return mask


def _share_around(mask: MaskPixels, inner: PixelBox) -> float:
    """The share of what is around a box that a mask has."""
    size = mask.size - area_of(inner)
    count = np.count_nonzero(mask) - np.count_nonzero(mask[inner.rows, inner.columns])
    return count / size if size else 0.0


def _rest_is_ground(part: Pixels, inner: PixelBox, mask: MaskPixels) -> bool:
    """Whether what the box has beside a region is also around the box.

    If not, as with stripes of two colours, the region is only a part of what is meant.
    Strokes leave room for some other things.
    """
    rest = np.zeros_like(mask)
    rest[inner.rows, inner.columns] = True
    around = ~rest
    values = mask.view(np.uint8)
    beyond_rim = cv2.dilate(values, np.ones((3, 3), np.uint8)) == 0
    in_gaps = cv2.morphologyEx(values, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > 0
    rest &= ~mask & (beyond_rim | in_gaps)
    if not rest.any() or not around.any():
        return True
    counts = [
        cv2.calcHist([part], [0, 1, 2], where.view(np.uint8), [16] * 3, [0, 256] * 3)
        for where in (around, rest)
    ]
    known = cv2.dilate((counts[0] > _KNOWN * counts[0].sum()).astype(np.uint8), np.ones((3, 3)))
    allowed = max(_FOREIGN * np.count_nonzero(mask), _FOREIGN_IN_BOX * area_of(inner))
    return bool(counts[1][known == 0].sum() <= allowed)


def _fit(mask: MaskPixels, inner: PixelBox) -> float:
    frame = frame_of(mask)
    return 0.0 if frame is None else _fit_of_box(frame, inner)


def _fit_of_box(frame: PixelBox, inner: PixelBox) -> float:
    """How well a region's box fits, if it may have an antialiased rim."""
    rim = PixelBox(frame.x0 - 1, frame.y0 - 1, frame.x1 + 1, frame.y1 + 1)
    return max(overlap(frame, inner), overlap(rim, inner))


def _fitted(guess: Guess, inner: PixelBox) -> Guess:
    """A guess with a merit that counts how well it fits."""
    return guess._replace(merit=guess.merit * _fit(guess.mask, inner) ** 2)


def _largest_part(mask: MaskPixels) -> MaskPixels:
    """The largest connected part, and what it encloses."""
    opened = cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    if count == 1:
        return mask
    return without_holes(labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()))


def _middle_of(mask: MaskPixels, inner: PixelBox) -> Pixel:
    """The pixel of a mask that is furthest from its border; the box's middle if it is empty."""
    if not mask.any():
        return (inner.x0 + inner.x1) // 2, (inner.y0 + inner.y1) // 2
    depth = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(column), int(row)


def _within(box: PixelBox, window: PixelBox) -> PixelBox:
    """A box of the image in the pixels of a window."""
    x, y = window.x0, window.y0
    return PixelBox(box.x0 - x, box.y0 - y, box.x1 - x, box.y1 - y)
