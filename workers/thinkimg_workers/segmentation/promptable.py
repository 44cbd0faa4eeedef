"""What SAM 2 is asked, whichever library runs it.

Ravi et al., "SAM 2: Segment Anything in Images and Videos", arXiv 2408.00714.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thinkimg_rpc.tool import PixelBox
from thinkimg_workers.segmentation.region import Region
from thinkimg_workers.segmentation.segmenter import Prompt

MAX_PIXELS = 4 << 20
"""Larger images are reduced to this before the encoder's own resizing to 1024 x 1024."""


def points_of(prompt: Prompt) -> tuple[list[list[float]], list[int]]:
    """All points, and 1 for each on the object, 0 for each that is not."""
    spots = (*prompt.points, *prompt.background)
    labels = [1] * len(prompt.points) + [0] * len(prompt.background)
    return [[float(x), float(y)] for x, y in spots], labels


def wants_several(prompt: Prompt) -> bool:
    """Whether the model is to offer several masks, the best of which is taken.

    A single point may mean a thing, its part or the whole it is part of; a box or
    several points mean one.
    """
    return prompt.box is None and len(prompt.points) + len(prompt.background) == 1


def best_region(masks: NDArray[np.bool_], scores: NDArray[np.float32]) -> Region:
    """Of the masks, (N, H, W), the one that the model gives the highest score, (N,)."""
    best = int(scores.argmax())
    height, width = masks.shape[1:]
    score = min(1.0, max(0.0, float(scores[best])))
    return Region(PixelBox(0, 0, width, height), masks[best], score).trimmed()
