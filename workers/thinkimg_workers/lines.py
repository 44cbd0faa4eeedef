"""What the two line tools share: colours, and painting a band of rows or columns."""

from __future__ import annotations

import math
from contextlib import suppress

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from thinkimg_rpc.contract.names import near_names
from thinkimg_rpc.errors import InvalidRequest, OutOfRange
from thinkimg_rpc.v1 import LineStyle

BACKEND = f"opencv {cv2.__version__}"

Pixels = NDArray[np.uint8]
Color = tuple[int, int, int]

_DEFAULT_COLOR = "red"
_DASH_ON, _DASH_PERIOD = 6, 10


def color_of(name: str) -> Color:
    """The RGB of a CSS colour name, #rrggbb or #rgb; red if empty.

    Raises: InvalidRequest, with the names that are spelt alike.
    """
    with suppress(ValueError):
        red, green, blue = ImageColor.getrgb(name.strip() or _DEFAULT_COLOR)[:3]
        if all(0 <= value <= 255 for value in (red, green, blue)):  # not so in "rgb(999, 0, 0)"
            return red, green, blue
    near = near_names(name, ImageColor.colormap)
    hint = f"did you mean {' or '.join(near)}?" if near else "red, #ff0000 and #f00 are known"
    raise InvalidRequest.field("color", f'no colour named "{name}"; {hint}')


def band_around(at: float, thickness: int, length: int, field: str) -> slice:
    """The rows or columns of a line: floor(at) at thickness 1, else centred on it.

    Raises: OutOfRange, when `at` is not inside the image.
    """
    if not 0 <= at < length:
        raise OutOfRange.field(field, f"{at:g} is outside the image: 0 to below {length}")
    first = math.floor(at) - (thickness - 1) // 2
    return slice(max(first, 0), min(first + thickness, length))


def paint(lines: Pixels, color: Color, style: LineStyle.ValueType) -> None:
    """Colour the pixels of a line, (W, L, 3): W pixels wide, L long."""
    if style != LineStyle.LINE_STYLE_DASHED:
        lines[:] = color
        return
    on = np.arange(lines.shape[1]) % _DASH_PERIOD < _DASH_ON
    lines[:, on] = color
