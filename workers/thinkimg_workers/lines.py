"""What the two line tools share: colours, and painting a band of rows or columns."""

from __future__ import annotations

import math
import re

import cv2
import numpy as np
from PIL import ImageColor

from thinkimg_rpc.contract.names import near_names
from thinkimg_rpc.errors import InvalidRequest, OutOfRange
from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.v1 import LineStyle

BACKEND = f"opencv {cv2.__version__}"

Color = tuple[int, int, int]

_DEFAULT_COLOR = "red"
_HEXADECIMAL = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})")
_DASH_ON, _DASH_PERIOD = 6, 10


def color_of(text: str) -> Color:
    """The RGB of a CSS colour name, #rrggbb or #rgb; red if empty.

    Raises: InvalidRequest, with the names that are spelt alike.
    """
    name = text.strip().lower() or _DEFAULT_COLOR
    if name not in ImageColor.colormap and not _HEXADECIMAL.fullmatch(name):
        near = near_names(name, ImageColor.colormap)
        hint = f"did you mean {' or '.join(near)}?" if near else "red, #ff0000 and #f00 are known"
        raise InvalidRequest.field("color", f'no colour named "{text}"; {hint}')
    red, green, blue = ImageColor.getrgb(name)[:3]
    return red, green, blue


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
