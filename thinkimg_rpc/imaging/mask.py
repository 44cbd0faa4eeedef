"""Masks on the wire: COCO's compressed run lengths to pixels and back.

pycocotools encodes. It also decodes, but trusts what it is given: runs that end early
leave memory as it was, and a number that does not end reads past the text. So the
runs are read and checked here.
"""

from __future__ import annotations

import numpy as np
import pycocotools.mask
from numpy.typing import NDArray

from thinkimg_rpc.imaging.limits import MAX_SIDE
from thinkimg_rpc.v1 import Mask

MaskPixels = NDArray[np.bool_]
"""(H, W), true where a pixel belongs to the region."""

_DIGITS_BEFORE_OVERFLOW = 6
"""Of 5 bits each: enough for a run of 2 ** 29 pixels, and of no more than 32 bits."""


def mask_of(pixels: MaskPixels) -> Mask:
    """(H, W) bool as a message.

    Raises: ValueError, when it has another shape, another type or no pixels.
    """
    if pixels.dtype != np.bool_ or pixels.ndim != 2 or pixels.size == 0:
        raise ValueError(f"a mask must be (H, W) bool, not {pixels.shape} {pixels.dtype}")
    runs = pycocotools.mask.encode(np.asfortranarray(pixels.view(np.uint8)))
    height, width = pixels.shape
    return Mask(width=width, height=height, counts=runs["counts"].decode("ascii"))


def pixels_of(mask: Mask) -> MaskPixels:
    """A message as (H, W) bool.

    Raises: ValueError, when the counts do not describe a mask of that size.
    """
    width, height = mask.width, mask.height
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise ValueError(f"a mask cannot be {width}x{height}; its sides are 1 to {MAX_SIDE}")
    runs = run_lengths(mask.counts)
    if runs.min(initial=0) < 0 or runs.sum() != width * height:
        raise ValueError(
            f"the mask's counts describe {runs.sum()} pixels, not the {width * height} of "
            f"{width}x{height}"
        )
    is_inside = np.arange(runs.size) % 2 == 1
    return np.ascontiguousarray(np.repeat(is_inside, runs).reshape(width, height).T)


def run_lengths(counts: str) -> NDArray[np.int64]:
    """How many pixels are outside, inside, outside … going down column after column.

    A run is written in digits of 5 bits, the lowest first, each a character from
    "0": bit 5 says that another digit follows, bit 4 of the last is the sign. From
    the fourth run on it is the difference to the run before the last.

    Raises: ValueError, when the text is not written like that.
    """
    # What is not ASCII becomes "?", which is a digit, so it is refused here already.
    if not counts.isascii():
        raise ValueError("the mask's counts have characters that are not ASCII")
    digits = np.frombuffer(counts.encode("ascii"), np.uint8).astype(np.int64) - ord("0")
    if digits.size == 0:
        return digits
    if digits.min() < 0 or digits.max() >= 1 << 6:
        raise ValueError("the mask's counts have characters beyond those from 0 to o")
    ends = np.flatnonzero(digits & 32 == 0)
    if ends.size == 0 or ends[-1] != digits.size - 1:
        raise ValueError("the mask's counts end in the middle of a number")
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > _DIGITS_BEFORE_OVERFLOW:
        raise ValueError("the mask's counts have a number that is too large")
    places = np.arange(digits.size) - np.repeat(starts, lengths)
    values = np.add.reduceat((digits & 31) << (5 * places), starts)
    values -= np.where(digits[ends] & 16, 1 << (5 * lengths), 0)
    for parity in (1, 2):
        values[parity::2] = np.cumsum(values[parity::2])
    return values
