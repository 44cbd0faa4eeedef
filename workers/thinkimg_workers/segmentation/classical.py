"""Segmentation without a model: flat colours, regions that grow around a point, GrabCut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from thinkimg_rpc.imaging.mask import MaskPixels
from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.settings import ModelSettings
from thinkimg_rpc.tool import PixelBox
from thinkimg_workers.segmentation.boxed import flat_region_in, object_in, window_of
from thinkimg_workers.segmentation.flat import TOLERANCE, flat_region_at, like, spread_of
from thinkimg_workers.segmentation.frame import area_of, grown
from thinkimg_workers.segmentation.nested import Guess, best_of, guesses_at, rated
from thinkimg_workers.segmentation.region import Region
from thinkimg_workers.segmentation.segmenter import Prompt, Scene
from thinkimg_workers.segmentation.smaller import SmallerView
from thinkimg_workers.segmentation.steps import touches_inner_edge, window_around
from thinkimg_workers.segmentation.textured import Reduced, cut_around, guesses_of

_CLEAR = 0.8
"""A flat region whose border is as clear as that may be what is meant."""
_LEAST_STEP = 6.0
"""Where nothing stands out by this, in Lab, the region is the whole image."""
_PREFERENCE = 0.9
"""A flat region is preferred to what stands out hardly more: it is exact."""
_WIDE = 5
_FLAT_AROUND = 0.4
_PATTERN = 0.25
"""The parts of a pattern are narrower than the whole by this."""
_WITHIN = 0.9
_MOST = 0.55
_ALIKE = 15.0
"""Where most of a region is flat and the rest differs by less than this, in Lab, on
average, the region is of one texture."""
_WIDEST_STRIPE = 16
_PATTERN_SHARE = 0.2
_MOST_PIXELS = 1 << 21
"""What is asked about more pixels than this is looked up on a copy of this size."""
_NEAR = 1024
_SMALL = 200
"""An object of fewer pixels on the reduced copy is looked at again from nearer."""


class ClassicalSegmenter:
    """What is flat is taken as it is, at full size; what is not is chosen among guesses.

    A region's score is how clearly its border stands out: the share of the border
    across which the colour changes visibly.
    """

    batches = False

    def __init__(self, _settings: ModelSettings, _weights: Path | None) -> None:
        self.name = f"grabcut, opencv {cv2.__version__}"

    def segment(self, scenes: Sequence[Scene]) -> list[list[Region]]:
        return [[_region_of(scene, prompt) for prompt in scene.prompts] for scene in scenes]


def _region_of(scene: Scene, prompt: Prompt) -> Region:
    """The region in whole pixels of the image, found on a smaller one if it is very large."""
    scene.check_deadline()
    pixels, box = scene.pixels, prompt.box
    height, width = pixels.shape[:2]
    window = PixelBox(0, 0, width, height) if box is None else window_of(box, pixels.shape)
    if area_of(window) <= _MOST_PIXELS:
        return _solved(pixels, prompt, scene.check_deadline).trimmed()
    if box is None:
        region = _small_flat_region(pixels, prompt, scene.check_deadline)
        if region is not None:
            return region.trimmed()
    view = SmallerView(pixels, window, _MOST_PIXELS)
    region = _solved(view.small, view.prompt(prompt), scene.check_deadline)
    return view.enlarged(region.trimmed())


def _solved(pixels: Pixels, prompt: Prompt, check_deadline: Callable[[], None]) -> Region:
    if prompt.box is not None:
        return _inside(pixels, prompt, prompt.box, check_deadline)
    return _around(pixels, prompt, check_deadline)


def _small_flat_region(
    pixels: Pixels, prompt: Prompt, check_deadline: Callable[[], None]
) -> Region | None:
    """What a point lies on in a very large image, if that is flat and ends nearby."""
    near = window_around(prompt.points[0], _NEAR, *pixels.shape[:2])
    part = np.ascontiguousarray(pixels[near.rows, near.columns])
    shifted = prompt.shifted(-near.x0, -near.y0)
    flat = flat_region_at(part, shifted.points[0])
    frame = flat.frame
    if frame is None or not _agrees(flat, shifted.without_first_point()):
        return None
    inner = flat.shifted(near.x0, near.y0)
    if touches_inner_edge(inner.frame or near, near, *pixels.shape[:2]):
        return None
    return inner if _stands_alone(part, flat, shifted, check_deadline) else None


def _inside(
    pixels: Pixels, prompt: Prompt, box: PixelBox, check_deadline: Callable[[], None]
) -> Region:
    flat = flat_region_in(pixels, box)
    if flat is not None and flat.score >= _CLEAR and _agrees(flat, prompt):
        return flat
    return object_in(pixels, prompt, box, check_deadline)


def _around(pixels: Pixels, prompt: Prompt, check_deadline: Callable[[], None]) -> Region:
    flat = flat_region_at(pixels, prompt.points[0])
    if _agrees(flat, prompt.without_first_point()) and _stands_alone(
        pixels, flat, prompt, check_deadline
    ):
        return flat
    height, width = pixels.shape[:2]
    return _object_around(pixels, PixelBox(0, 0, width, height), prompt, check_deadline)


def _agrees(region: Region, prompt: Prompt) -> bool:
    """Whether it has all points on it, and none of the others."""
    return all(map(region.has, prompt.points)) and not any(map(region.has, prompt.background))


def _stands_alone(
    pixels: Pixels, flat: Region, prompt: Prompt, check_deadline: Callable[[], None]
) -> bool:
    """Whether a flat region is a thing of its own, and not a patch of a texture.

    Seen from as near as shows as much again on each side.
    """
    frame = flat.frame
    if frame is None or flat.score < _CLEAR:
        return False
    if not is_drawn(pixels, flat, frame):
        return False
    height, width = pixels.shape[:2]
    if area_of(frame) > 0.9 * height * width:
        return True
    reduced = Reduced(pixels, grown(frame, _margin_of(frame), pixels.shape))
    own = rated(reduced.lab, reduced.shrunk(flat))
    seed = reduced.pixel(*prompt.points[0])
    rivals = [
        guess
        for guess in guesses_at(reduced.lab, seed, check_deadline)
        if guess.merit * _PREFERENCE > own.merit and not guess.is_background
    ]
    best = best_of(rivals)
    return best is None or not is_texture(reduced, own.mask, best.mask)


def is_drawn(pixels: Pixels, flat: Region, frame: PixelBox) -> bool:
    """Whether a region is flat because it was drawn so: wide, or on something flat.

    A few pixels of noise are alike by chance.
    """
    window = grown(frame, 6, pixels.shape)
    part = pixels[window.rows, window.columns]
    inside = flat.within(window).view(np.uint8)
    if _width_of(inside.view(np.bool_)) >= _WIDE:
        return True
    near, far = (cv2.dilate(inside, np.ones((side, side), np.uint8)) for side in (5, 11))
    ring = far > near
    spread = spread_of(part)
    return bool((spread[ring] <= TOLERANCE).mean() > _FLAT_AROUND) if ring.any() else True


def is_texture(reduced: Reduced, part: MaskPixels, whole: MaskPixels) -> bool:
    """Whether a flat part of a region is of its pattern, like stripes.

    Parts of a pie or a stacked bar are wider, or have a colour of their own.
    """
    if not part.any():
        return True
    if np.count_nonzero(part & whole) < _WITHIN * np.count_nonzero(part):
        return False  # the other is a part of it, like a piece of a line
    rest = whole & ~(cv2.dilate(part.view(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    if rest.any() and np.count_nonzero(part) > _MOST * np.count_nonzero(whole):
        own, others = (np.median(reduced.lab[where], axis=0) for where in (part, rest))
        if np.linalg.norm(own - others) < _ALIKE:
            return True
    width = _width_of(part)
    if width > _PATTERN * _width_of(whole) or width > _WIDEST_STRIPE * reduced.scale:
        return False
    color = np.median(reduced.small[part], axis=0).astype(np.float32)
    alike = np.count_nonzero(like(reduced.small, color) & whole)
    return bool(alike > _PATTERN_SHARE * np.count_nonzero(whole))


def _width_of(mask: MaskPixels) -> float:
    """Of its widest place, in pixels."""
    depth = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
    return 2 * float(depth.max())


def _margin_of(frame: PixelBox) -> int:
    return 8 + max(frame.x1 - frame.x0, frame.y1 - frame.y0)


def _object_around(
    pixels: Pixels, window: PixelBox, prompt: Prompt, check_deadline: Callable[[], None]
) -> Region:
    """The region around the points that stands out most; the window if none does."""
    reduced = Reduced(pixels, window)
    best = best_of(guesses_of(reduced, prompt, check_deadline))
    if best is None or best.step < _LEAST_STEP:
        mask = np.ones(reduced.small.shape[:2], np.bool_)
        return reduced.region(cut_around(reduced, mask, prompt) if prompt.background else mask)
    if reduced.scale < 1 and np.count_nonzero(best.mask) < _SMALL:
        return _seen_from_nearer(pixels, reduced, best, prompt, check_deadline)
    return reduced.region(best.mask)


def _seen_from_nearer(
    pixels: Pixels,
    reduced: Reduced,
    small: Guess,
    prompt: Prompt,
    check_deadline: Callable[[], None],
) -> Region:
    """A small object anew, on a copy that is reduced less."""
    region = reduced.region(small.mask)
    frame = region.frame
    if frame is None:
        return region
    margin = max(8, frame.x1 - frame.x0, frame.y1 - frame.y0)
    window = grown(frame, margin, pixels.shape)
    nearer = Reduced(pixels, window)
    best = best_of(guesses_of(nearer, prompt, check_deadline))
    if best is None or best.step < small.step or best.is_background:
        return region
    found = nearer.region(best.mask)
    inner = found.frame
    if inner is None or touches_inner_edge(inner, window, *pixels.shape[:2]):
        return region
    return found
