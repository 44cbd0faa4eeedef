"""The picture that every tool is shown, and what is where in it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
import numpy as np

from thinkimg_rpc.imaging.codec import Pixels, decode, encode_png

FOLDER = Path(__file__).parent
"""Holds picture.png and picture.json; scripts/draw_check_picture.py draws both."""

Extent = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the picture."""

_HIDDEN_BYTES = 16


class Places(msgspec.Struct, frozen=True):
    """Where the parts of the picture are, by what is written beside them."""

    words: dict[str, Extent]
    bars: dict[str, Extent]
    legend: Extent
    panels: dict[str, Extent]


@dataclass(frozen=True)
class Picture:
    """One copy of the picture."""

    pixels: Pixels
    """(H, W, 3) uint8 RGB."""
    data: bytes
    """The encoded file."""
    places: Places


def fresh_picture() -> Picture:
    """A copy that no worker has seen, so that nothing kept from earlier can answer for it.

    Some of the white pixels of the lowest row are a shade darker, others each time.
    """
    drawn, places = _drawn()
    hidden = np.unpackbits(np.frombuffer(secrets.token_bytes(_HIDDEN_BYTES), np.uint8))
    pixels = drawn.copy()
    pixels[-1, : hidden.size] = 255 - hidden[:, None]
    return Picture(pixels, encode_png(pixels), places)


@cache
def _drawn() -> tuple[Pixels, Places]:
    data = (FOLDER / "picture.png").read_bytes()
    places = msgspec.json.decode((FOLDER / "picture.json").read_bytes(), type=Places)
    return decode(data, max_pixels=1 << 20), places
