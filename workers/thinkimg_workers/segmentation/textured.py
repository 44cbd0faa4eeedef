"""Objects with texture: found on a reduced copy, redrawn at full size near the border."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import cv2
import numpy as np

from thinkimg_rpc.imaging.mask import MaskPixels
from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.tool import PixelBox
from thinkimg_workers.segmentation.border import Lab, clarity, steps_across
from thinkimg_workers.segmentation.frame import frame_of, grown
from thinkimg_workers.segmentation.nested import Guess, Pixel, guesses_at
from thinkimg_workers.segmentation.refine import refined
from thinkimg_workers.segmentation.region import Region
from thinkimg_workers.segmentation.segmenter import Prompt
from thinkimg_workers.segmentation.steps import to_lab

_SIDE = 200
"""The longer side of the reduced copy."""
_MARGIN = 8


class Reduced:
    """A window of an image, and a copy of it small enough to think about."""

    def __init__(self, pixels: Pixels, window: PixelBox) -> None:
        self.window = window
        self.part = pixels[window.rows, window.columns]
        height, width = self.part.shape[:2]
        self.scale = min(1.0, _SIDE / max(height, width))
        if self.scale < 1:
            size = max(1, round(width * self.scale)), max(1, round(height * self.scale))
            self.small = cast(Pixels, cv2.resize(self.part, size, interpolation=cv2.INTER_AREA))
        else:
            self.small = np.ascontiguousarray(self.part)
        self.lab: Lab = to_lab(self.small)

    def pixel(self, x: float, y: float) -> Pixel:
        """Where a point of the image is in the copy."""
        height, width = self.small.shape[:2]
        column = int((x - self.window.x0) * self.scale)
        row = int((y - self.window.y0) * self.scale)
        return min(max(column, 0), width - 1), min(max(row, 0), height - 1)

    def box(self, box: PixelBox) -> PixelBox:
        """Where a box of the image is in the copy."""
        x0, y0 = self.pixel(box.x0, box.y0)
        x1, y1 = self.pixel(box.x1 - 1, box.y1 - 1)
        return PixelBox(x0, y0, x1 + 1, y1 + 1)

    def shrunk(self, region: Region) -> MaskPixels:
        """A region of the image on the copy."""
        height, width = self.small.shape[:2]
        mask = region.within(self.window).astype(np.float32)
        shrunk = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
        return shrunk >= 0.5

    def region(self, mask: MaskPixels) -> Region:
        """A mask of the copy at full size."""
        frame = frame_of(mask)
        if frame is None:
            return Region(self.window, np.zeros(self.part.shape[:2], np.bool_))
        small = grown(frame, _MARGIN, mask.shape)
        height, width = self.part.shape[:2]
        rows, columns = height / mask.shape[0], width / mask.shape[1]
        x0, y0 = round(small.x0 * columns), round(small.y0 * rows)
        x1, y1 = round(small.x1 * columns), round(small.y1 * rows)
        part = self.part[y0:y1, x0:x1]
        kept = mask[small.rows, small.columns]
        lab = self.lab[small.rows, small.columns]
        x, y = self.window.x0, self.window.y0
        return Region(
            PixelBox(x + x0, y + y0, x + x1, y + y1),
            refined(part, lab, kept),
            clarity(steps_across(self.lab, mask)),
        )


def guesses_of(reduced: Reduced, prompt: Prompt, check_deadline: Callable[[], None]) -> list[Guess]:
    """The regions that a prompt can mean: of its first point, that have all its points."""
    seeds = [reduced.pixel(x, y) for x, y in prompt.points]
    avoided = [reduced.pixel(x, y) for x, y in prompt.background]
    found = []
    for guess in guesses_at(reduced.lab, seeds[0], check_deadline):
        mask = guess.mask
        if all(mask[row, column] for column, row in seeds) and not any(
            mask[row, column] for column, row in avoided
        ):
            found.append(guess)
    return found


def cut_around(
    reduced: Reduced, mask: MaskPixels, prompt: Prompt, iterations: int = 3
) -> MaskPixels:
    """What GrabCut makes of a guess: colour models of both sides, and a cut along edges.

    Points of the prompt, and what is outside its box, stay what they are.
    """
    labels = np.where(mask, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    if prompt.box is not None:
        box = reduced.box(prompt.box)
        outside = np.ones(mask.shape, np.bool_)
        outside[box.rows, box.columns] = False
        labels[outside] = cv2.GC_BGD
    for spots, label in ((prompt.background, cv2.GC_BGD), (prompt.points, cv2.GC_FGD)):
        for x, y in spots:
            column, row = reduced.pixel(x, y)
            labels[row, column] = label
    is_object = (labels == cv2.GC_PR_FGD) | (labels == cv2.GC_FGD)
    if not is_object.any() or is_object.all():
        return cast(MaskPixels, is_object)
    smooth = cv2.GaussianBlur(reduced.small, (0, 0), 1.0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # its colour models start at random
    cv2.grabCut(smooth, labels, (0, 0, 1, 1), *models, iterations, cv2.GC_INIT_WITH_MASK)
    return cast(MaskPixels, (labels == cv2.GC_PR_FGD) | (labels == cv2.GC_FGD))
