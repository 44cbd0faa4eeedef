"""Pixels of any kind to 8-bit RGB."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""(H, W, 3) uint8, red first."""
Samples = NDArray[np.uint8] | NDArray[np.uint16]
"""As decoded: (H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA."""

_TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    2: lambda seen: seen[:, ::-1],
    3: lambda seen: seen[::-1, ::-1],
    4: lambda seen: seen[::-1],
    5: lambda seen: seen.swapaxes(0, 1),
    6: lambda seen: seen[::-1].swapaxes(0, 1),
    7: lambda seen: seen[::-1, ::-1].swapaxes(0, 1),
    8: lambda seen: seen[:, ::-1].swapaxes(0, 1),
}


def to_8_bit(samples: Samples) -> NDArray[np.uint8]:
    """Any shape; 16-bit samples are scaled, 65535 to 255, and rounded to the nearest."""
    if samples.dtype == np.uint8:
        return cast(NDArray[np.uint8], samples)
    return known_uint8(cv2.convertScaleAbs(samples, alpha=1 / 257))


def bgr_to_rgb(pixels: NDArray[np.uint8]) -> Pixels:
    """(H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA, as OpenCV decodes, to RGB on white."""
    if pixels.ndim == 2:
        return known_uint8(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB))
    if pixels.shape[2] == 3:
        return known_uint8(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    return over_white(
        known_uint8(cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGB)),
        known_uint8(cv2.extractChannel(pixels, 3)),
    )


def over_white(rgb: Pixels, alpha: NDArray[np.uint8]) -> Pixels:
    """Lay (H, W, 3) pixels with an (H, W) opacity over a white page."""
    if alpha.min() == 255:  # charts are often RGBA and fully opaque
        return rgb
    opacity = cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB)
    return known_uint8(cv2.add(cv2.multiply(rgb, opacity, scale=1 / 255), cv2.bitwise_not(opacity)))


def turn_upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo an EXIF orientation (1 to 8; anything else is taken as upright, as viewers do)."""
    turn = _TURNS.get(orientation)
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))


def check_rgb(pixels: Pixels) -> None:
    """Catch a tool's mistake where it can still be understood. Raises: ValueError."""
    shape = pixels.shape
    if pixels.dtype != np.uint8 or len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise ValueError(f"pixels must be (H, W, 3) uint8 RGB, not {shape} {pixels.dtype}")


def known_uint8(array: cv2.typing.MatLike) -> NDArray[np.uint8]:
    """OpenCV's stubs allow any number; what is passed uint8 here gives uint8."""
    return cast(NDArray[np.uint8], array)
