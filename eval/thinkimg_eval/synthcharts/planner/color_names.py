"""What people call the colours of charts."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from thinkimg_eval.synthcharts.planner.paint import Color

_EXAMPLES = {
    "red": "ff0000 d62728 dc143c e74c3c b22222",
    "orange": "ffa500 ff7f0e e67e22 f28e2b",
    "yellow": "ffff00 ffd700 f1c40f edc948",
    "green": "008000 2ca02c 2ecc71 3a9d4a 32cd32",
    "blue": "0000ff 1f77b4 3498db 4575d4",
    "purple": "800080 9467bd 8e44ad 7a3fa0",
    "pink": "ffc0cb ff69b4 f48fb1 f78fd0 e377c2",
    "brown": "8b4513 8c564b 795548 7f5539 a0522d",
    "gray": "808080 8a8a8a 95a5a6 79706e a9a9a9",
    "black": "000000 1a1a1a 212f3d",
    "white": "ffffff",
    "cyan": "00ffff 17becf",
    "teal": "008080",
    "olive": "808000 bcbd22",
}
_LIGHTNESS_WEIGHT = 0.5


def distance_to(name: str, color: Color) -> float:
    """How far a colour is from what a name means; far for a name that is not known."""
    if name not in _EXAMPLES:
        return 1000.0
    difference = _lab(color[None]) - _examples(name)
    difference[:, 0] *= _LIGHTNESS_WEIGHT
    return float(np.linalg.norm(difference, axis=1).min())


@cache
def _examples(name: str) -> NDArray[np.float32]:
    codes = [bytes.fromhex(code) for code in _EXAMPLES[name].split()]
    return _lab(np.array([list(code) for code in codes], np.float64))


def _lab(colors: NDArray[np.float64]) -> NDArray[np.float32]:
    """(N, 3) RGB, 0 to 255, in CIE Lab."""
    scaled = (colors / 255).astype(np.float32)[None]
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2Lab)[0], np.float32)
