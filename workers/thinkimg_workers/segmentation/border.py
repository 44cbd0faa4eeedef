"""How clearly a region stands out: the step of colour across its border."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from thinkimg_rpc.imaging.mask import MaskPixels
from thinkimg_workers.segmentation.frame import frame_of, grown

Lab = NDArray[np.float32]
"""(H, W, 3) CIE L*a*b*, in which a distance of 2 or 3 can just be seen."""

CLEAR_STEP = 12.0
"""A step of colour, in Lab, that nobody overlooks."""
_BAND = 3
_WINDOW = 9


def steps_across(lab: Lab, mask: MaskPixels) -> NDArray[np.float32]:
    """(N,) the difference of mean colour on both sides, at each pixel along the border.

    Where the region ends with the image there is no border.
    """
    frame = frame_of(mask)
    if frame is None:
        return np.zeros(0, np.float32)
    kept = grown(frame, _BAND + _WINDOW, mask.shape)
    lab = lab[kept.rows, kept.columns]
    inside = np.ascontiguousarray(mask[kept.rows, kept.columns]).view(np.uint8)
    square = np.ones((2 * _BAND + 1, 2 * _BAND + 1), np.uint8)
    core = cv2.erode(inside, square, borderType=cv2.BORDER_REPLICATE)
    around = cv2.dilate(inside, square, borderType=cv2.BORDER_REPLICATE)
    edge = (inside > 0) & (cv2.erode(inside, np.ones((3, 3), np.uint8)) == 0)
    rows, columns = np.nonzero(edge)
    if rows.size == 0:
        return np.zeros(0, np.float32)
    inner = _mean_near(lab, (inside > 0) & (core == 0))[rows, columns]
    outer = _mean_near(lab, (around > 0) & (inside == 0))[rows, columns]
    return cast(NDArray[np.float32], np.linalg.norm(inner - outer, axis=1))


def clarity(steps: NDArray[np.float32]) -> float:
    """0 to 1: the share of the border that has a clear step; 1 without a border.

    Steps that are less than clear count in part.
    """
    if steps.size == 0:
        return 1.0
    return float(np.minimum(steps / CLEAR_STEP, 1).mean())


def _mean_near(lab: Lab, band: MaskPixels) -> Lab:
    """(H, W, 3) the mean colour of the band's pixels in a window around each pixel."""
    weight = band.astype(np.float32)
    window = (_WINDOW, _WINDOW)
    total = cv2.boxFilter(lab * weight[..., None], -1, window, normalize=False)
    count = cv2.boxFilter(weight, -1, window, normalize=False)
    return cast(Lab, total / np.maximum(count, 1e-6)[..., None])
