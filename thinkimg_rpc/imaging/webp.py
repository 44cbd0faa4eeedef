"""WebP: the simple kind by OpenCV, the extended kind (animation, EXIF) by Pillow."""

from __future__ import annotations

import cv2
import numpy as np

from thinkimg_rpc.imaging.limits import InvalidImage, check_size
from thinkimg_rpc.imaging.rgb import Pixels, bgr_to_rgb, known_uint8

_HEADER_SIZE = 30
_14_BITS = 0x3FFF


def is_simple(data: bytes) -> bool:
    """A single picture and nothing beside it."""
    return data[12:16] in (b"VP8 ", b"VP8L")


def check_header(data: bytes, max_pixels: int) -> None:
    """Read the size out of the header, because libwebp allocates a canvas when it opens one.

    Raises:
        InvalidImage: truncated, no size in it, or more than `max_pixels`.
    """
    if len(data) < max(_HEADER_SIZE, 8 + int.from_bytes(data[4:8], "little")):
        raise InvalidImage("a truncated WebP; send the whole file")
    match data[12:16]:
        case b"VP8 ":
            width = int.from_bytes(data[26:28], "little") & _14_BITS
            height = int.from_bytes(data[28:30], "little") & _14_BITS
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            width, height = (bits & _14_BITS) + 1, (bits >> 14 & _14_BITS) + 1
        case b"VP8X":
            width = int.from_bytes(data[24:27], "little") + 1
            height = int.from_bytes(data[27:30], "little") + 1
        case _:
            raise InvalidImage("a corrupt WebP (no header); send the file again")
    check_size(width, height, max_pixels)


def read_simple(data: bytes) -> Pixels:
    """Decode a simple WebP whose header has been checked."""
    samples = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if samples is None:
        raise InvalidImage("a corrupt WebP; send the file again")
    return bgr_to_rgb(known_uint8(samples))
