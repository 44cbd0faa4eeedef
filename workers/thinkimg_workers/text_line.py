"""A piece of text where it was read: what every reader of text returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from thinkimg_rpc.imaging.rgb import Pixels

Corners = NDArray[np.float32]
"""(4, 2) x and y, clockwise from the top left."""


class TextLine(NamedTuple):
    """One piece of text, its corners clockwise from the top left as it is read, 0 to 1 sure."""

    text: str
    corners: Corners
    score: float


class Reader(Protocol):
    """What finds and reads text. Called from several threads at a time."""

    name: str
    """What it is, with its version: "rapidocr 3.10.0"."""

    def read(self, pixels: Pixels, between_steps: Callable[[], None]) -> list[TextLine]:
        """The text in (H, W, 3) RGB pixels, in no particular order.

        `between_steps` is called every few tenths of a second, and may raise.
        """
        ...
