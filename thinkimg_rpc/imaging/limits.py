"""What makes an image acceptable before any of its pixels are decoded."""

from __future__ import annotations

MAX_SIDE = 65_500
"""The longest side, in pixels: what a JPEG can hold, so that every image can be encoded again."""

SEND_ONE_OF = "send an encoded PNG, JPEG, WebP, GIF, BMP or TIFF"


class InvalidImage(ValueError):
    """Bytes that are not an acceptable image; the text says what is wrong and what to do."""


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuse an image by the size its header states, so that a bomb costs nothing.

    Raises:
        InvalidImage: no pixels, more than `max_pixels`, or a side over `MAX_SIDE`.
    """
    if width < 1 or height < 1:
        raise InvalidImage(f"{width}x{height} has no pixels; {SEND_ONE_OF}")
    if width * height > max_pixels:
        raise InvalidImage(
            f"{width}x{height} is {width * height} pixels, more than the limit of {max_pixels}; "
            "send a smaller image"
        )
    if max(width, height) > MAX_SIDE:
        raise InvalidImage(
            f"{width}x{height} has a side longer than {MAX_SIDE} pixels; send a smaller image"
        )
