"""Regions that grow around a point: the guesses that textured objects are chosen from.

A region is what can be reached from the point without leaving its colour by more
than a threshold, or without crossing an edge stronger than one. Raising the
threshold gives regions that contain each other, and smoothing first makes texture
one colour. One of them is nearly always the object; which, its border tells.
(The idea of maximally stable extremal regions, Matas et al. 2002, with the border's
contrast in place of stability.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from thinkimg_rpc.imaging.mask import MaskPixels
from thinkimg_workers.segmentation.border import CLEAR_STEP, Lab, steps_across
from thinkimg_workers.segmentation.steps import part_at, without_holes

_SMOOTHINGS = (0.8, 1.6, 3.2)
_THRESHOLDS = tuple(map(float, np.geomspace(4, 90, 22)))
_LEAST_PIXELS = 12
_LEAST_GROWTH = 1.03
_MOST_OF_IMAGE = 0.9
"""A region that encloses more is the background, and what it encloses is not."""

Pixel = tuple[int, int]
"""Column and row."""


class Guess(NamedTuple):
    """A region, and how well it stands out."""

    mask: MaskPixels
    step: float
    """The difference of colour that nearly all of its border has, in Lab; 0 without a border."""
    merit: float
    """The step, and a little for size: comparable between the guesses of one picture."""
    is_background: bool = False
    """Whether it is what is around other things: it encloses nearly all of the picture."""


def guesses_at(lab: Lab, seed: Pixel, check_deadline: Callable[[], None]) -> Iterator[Guess]:
    """The regions around a pixel, of a picture of about 200 pixels a side."""
    for smoothing in _SMOOTHINGS:
        check_deadline()
        smooth = cast(Lab, cv2.GaussianBlur(lab, (0, 0), smoothing))
        distance = np.linalg.norm(smooth - smooth[seed[1], seed[0]], axis=2)
        for mask in _growing(distance.astype(np.float32), seed):
            yield rated(lab, mask)
        for mask in _growing(_edges(smooth) * (2 * smoothing), seed):
            # An edge is as wide as the smoothing, and half of it is the region's.
            size = 2 * int(np.ceil(smoothing)) + 1
            disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
            yield rated(lab, cv2.dilate(mask.view(np.uint8), disc).view(np.bool_))


def rated(lab: Lab, mask: MaskPixels) -> Guess:
    """How well a region stands out: nearly all of its border must, and more is better."""
    steps = steps_across(lab, mask)
    if steps.size == 0:
        return Guess(mask, 0.0, 0.0)
    step = float(np.percentile(steps, 15))
    area = np.count_nonzero(mask)
    is_background = np.count_nonzero(without_holes(mask)) > _MOST_OF_IMAGE * mask.size
    return Guess(mask, step, step * area**0.1, bool(is_background))


def best_of(guesses: Sequence[Guess]) -> Guess | None:
    """The guess that stands out most; the background only where nothing in it does.

    A region that leaks out of its object soon has what else is there for a border.
    """
    objects = [guess for guess in guesses if not guess.is_background]
    if any(guess.step >= CLEAR_STEP for guess in objects):
        guesses = objects
    return max(guesses, key=lambda guess: guess.merit, default=None)


def _growing(difference: NDArray[np.float32], seed: Pixel) -> Iterator[MaskPixels]:
    """The regions around the seed in which the difference stays below each threshold."""
    last = 0.0
    for threshold in _THRESHOLDS:
        part = part_at(difference < threshold, *seed)
        mask = without_holes(part)
        if np.count_nonzero(mask) > _MOST_OF_IMAGE * mask.size:
            mask = part
        area = float(np.count_nonzero(mask))
        if mask.size > area >= max(_LEAST_PIXELS, _LEAST_GROWTH * last):
            last = area
            yield mask


def _edges(smooth: Lab) -> NDArray[np.float32]:
    """(H, W) the strength of the gradient, in Lab a pixel."""
    across, down = (cv2.Sobel(smooth, -1, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    return cast(NDArray[np.float32], np.sqrt((across**2 + down**2).sum(axis=2)))
