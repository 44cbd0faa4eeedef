"""From a mask on a reduced copy to one at full size."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from thinkimg_rpc.imaging.mask import MaskPixels
from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_workers.segmentation.border import Lab
from thinkimg_workers.segmentation.steps import to_lab

_WINDOW = 9


def refined(part: Pixels, lab: Lab, mask: MaskPixels) -> MaskPixels:
    """Decide the pixels near the border anew, at the size of `part`.

    Each goes to the side whose mean colour nearby it is nearer to.

    Args:
        part: (H, W, 3), what `lab`, (h, w, 3), is a reduced copy of.
        mask: (h, w), found on the reduced copy.
    """
    height, width = part.shape[:2]
    if (width, height) == (mask.shape[1], mask.shape[0]):
        return mask
    cell = width / mask.shape[1]
    side = _enlarged(mask.astype(np.float32), width, height)
    smooth = cv2.GaussianBlur(to_lab(part), (0, 0), 0.4 * cell)
    inner, outer = (_enlarged(_mean_near(lab, where), width, height) for where in (mask, ~mask))
    nearer = ((smooth - inner) ** 2).sum(axis=2) < ((smooth - outer) ** 2).sum(axis=2)
    reach = 2 * int(np.ceil(1.5 * cell)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    coarse = (side >= 0.5).view(np.uint8)
    sure, possible = cv2.erode(coarse, disc), cv2.dilate(coarse, disc)
    decided = (sure > 0) | ((possible > 0) & nearer)
    speckle = 2 * int(np.ceil(cell / 2)) + 1
    smooth = cv2.medianBlur(decided.view(np.uint8), speckle)
    return cast(MaskPixels, smooth.view(np.bool_))


def _mean_near(lab: Lab, where: MaskPixels) -> Lab:
    weight = where.astype(np.float32)
    size = (_WINDOW, _WINDOW)
    total = cv2.boxFilter(lab * weight[..., None], -1, size)
    count = cv2.boxFilter(weight, -1, size)
    return cast(Lab, total / np.maximum(count, 1e-6)[..., None])


def _enlarged(values: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    enlarged = cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)
    return cast(NDArray[np.float32], enlarged)
