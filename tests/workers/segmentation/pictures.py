"""Pictures with something in them whose every pixel is known."""

from __future__ import annotations

from typing import NamedTuple, cast

import cv2
import numpy as np

from thinkimg_rpc.imaging.mask import MaskPixels
from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.settings import ModelSettings
from thinkimg_rpc.tool import PixelBox
from thinkimg_workers.segmentation.classical import ClassicalSegmenter
from thinkimg_workers.segmentation.segmenter import Prompt, Scene

RED, BLUE, GRAY, WHITE = (200, 40, 40), (40, 60, 190), (128, 128, 128), (255, 255, 255)

Color = tuple[int, int, int]


def blank(width: int, height: int, color: Color = WHITE) -> Pixels:
    return np.full((height, width, 3), color, np.uint8)


def painted(pixels: Pixels, mask: MaskPixels, color: Color) -> Pixels:
    copy = pixels.copy()
    copy[mask] = color
    return copy


def disc(width: int, height: int, x: float, y: float, radius: float) -> MaskPixels:
    rows, columns = np.mgrid[:height, :width] + 0.5
    return cast(MaskPixels, np.hypot(columns - x, rows - y) <= radius)


def rectangle(width: int, height: int, box: PixelBox) -> MaskPixels:
    mask = np.zeros((height, width), np.bool_)
    mask[box.rows, box.columns] = True
    return mask


def noisy(pixels: Pixels, deviation: float) -> Pixels:
    noise = np.random.default_rng(0).normal(0, deviation, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def antialiased(width: int, height: int, points: list[tuple[int, int]], thickness: int) -> Pixels:
    """A blue line on white."""
    large = blank(4 * width, 4 * height)
    corners = np.array(points, np.int32) * 4
    cv2.polylines(large, [corners], False, BLUE, thickness * 4)
    return cast(Pixels, cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA))


def overlap(one: MaskPixels, other: MaskPixels) -> float:
    """Intersection over union."""
    return float((one & other).sum() / (one | other).sum())


class Segmented(NamedTuple):
    mask: MaskPixels
    """(H, W) of the whole image."""
    score: float


def segmented(pixels: Pixels, prompt: Prompt) -> Segmented:
    """What the classical segmenter takes the prompt for."""
    segmenter = ClassicalSegmenter(ModelSettings(), None)
    ((region,),) = segmenter.segment([Scene(pixels, "", (prompt,), lambda: None)])
    assert 0 <= region.score <= 1
    return Segmented(region.whole(*pixels.shape[:2]), region.score)
