"""What people call colours: words, and examples of what they mean, in CIE Lab."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Lab = NDArray[np.float32]
"""(..., 3) L* 0 to 100, a* and b* about -128 to 127."""

_EXAMPLES = {
    "red": "ff0000 dc143c b22222 cd5c5c d62728 e74c3c 8b0000 f44336 c0392b ff6347",
    "orange": "ffa500 ff8c00 ff7f0e e67e22 f4a460 ff7f50 e8743b d2691e f39c12 ed7d31",
    "yellow": "ffff00 ffd700 f1c40f ffeb3b f0e68c e6c229 ffc000 fff176 dbb40c",
    "green": "008000 00ff00 2ca02c 228b22 32cd32 90ee90 006400 2e8b57 27ae60 70ad47 8fbc8f "
    "556b2f 2e7d5b 3b7a64",
    "teal": "008080 20b2aa 16a085 1abc9c 009688 2a7f7f 3aafa9",
    "cyan": "00ffff 17becf 40e0d0 00ced1 5bc0de 7fffd4",
    "blue": "0000ff 1f77b4 3498db 4169e1 4682b4 87ceeb add8e6 000080 1e90ff 4472c4 1f4e79 5b9bd5",
    "purple": "800080 9467bd 9b59b6 8a2be2 4b0082 9370db c5b0d5 6a5acd 7030a0 8e44ad 673ab7",
    "pink": "ffc0cb ff69b4 ff1493 e377c2 db7093 f7b6d2 e91e63 f06292 d6569b",
    "brown": "a52a2a 8b4513 8c564b a0522d c49c94 654321 7b3f00 795548 9c6644",
    "gray": "808080 7f7f7f a9a9a9 d3d3d3 696969 95a5a6 708090 c7c7c7 555555",
    "black": "000000 1a1a1a 222222",
    "white": "ffffff f5f5f5",
    "olive": "808000 bcbd22 6b8e23 9a9a32",
    "navy": "000080 001f3f 191970 1f3a5f",
    "gold": "ffd700 daa520 d4af37 b8860b c9a227",
    "beige": "f5f5dc deb887 ffe4c4 e8d8b0 d9c79a",
    "tan": "d2b48c c8ad7f deb887",
    "maroon": "800000 7b1113 8b1a1a",
    "magenta": "ff00ff c71585 d81b9a",
    "lavender": "e6e6fa b57edc c5b0d5 b39ddb",
    "turquoise": "40e0d0 48d1cc 1abc9c 30c5b8",
    "salmon": "fa8072 ffa07a e9967a",
    "lime": "00ff00 bfff00 a4de02 32cd32",
    "indigo": "4b0082 3f51b5 44318d",
}

_SYNONYMS = {
    "grey": "gray", "violet": "purple", "aqua": "cyan", "crimson": "red", "scarlet": "red",
    "azure": "blue", "golden": "gold", "rose": "pink", "peach": "salmon", "coral": "salmon",
    "mustard": "gold", "khaki": "beige", "cream": "beige", "silver": "gray", "fuchsia": "magenta",
    "burgundy": "maroon", "chocolate": "brown", "mint": "turquoise", "sky": "blue", "mauve":
    "lavender", "amber": "gold", "emerald": "green", "lilac": "lavender",
    "红": "red", "红色": "red", "橙": "orange", "橙色": "orange", "橘色": "orange", "黄": "yellow",
    "黄色": "yellow", "绿": "green", "绿色": "green", "青": "cyan", "青色": "cyan", "蓝": "blue",
    "蓝色": "blue", "紫": "purple", "紫色": "purple", "粉": "pink", "粉色": "pink",
    "粉红色": "pink", "棕": "brown", "棕色": "brown", "褐色": "brown", "灰": "gray",
    "灰色": "gray", "黑": "black", "黑色": "black", "白": "white", "白色": "white",
}  # fmt: skip

COLOR_WORDS = {**{name: name for name in _EXAMPLES}, **_SYNONYMS}
"""Every word for a colour, and the colour it means."""

SHADES = {
    **dict.fromkeys(("light", "lighter", "pale", "bright", "pastel", "浅", "淡"), "light"),
    **dict.fromkeys(("dark", "darker", "deep", "深", "暗"), "dark"),
}

_BASIC = (
    "red", "orange", "yellow", "green", "teal", "cyan", "blue", "purple", "pink", "brown",
    "gray", "black", "white",
)  # fmt: skip
"""What any colour can be called."""
_LIGHTNESS_WEIGHT = 0.45
"""Two colours that differ in lightness only keep their name longer."""
_CLOSE = 10.0
"""Two colours about as near to an example are as good as each other."""
_FARTHEST = 38.0
"""No colour this far from all examples is called by the name."""
_ANOTHER_NAME = 16.0
"""What a colour loses whose basic name is another one."""
_SHADE_STEP = 12.0
"""How much lighter or darker than its sister a colour of a shade is, in L*."""


def lab_of(rgb: NDArray[np.uint8]) -> Lab:
    """Colours (N, 3) RGB in Lab."""
    if not rgb.size:
        return np.zeros((0, 3), np.float32)
    scaled = (rgb.reshape(1, -1, 3) / 255).astype(np.float32)
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2Lab), np.float32).reshape(-1, 3)


def fits(word: str, palette: Lab, shade: str = "") -> NDArray[np.float64]:
    """How well each colour of a palette (N, 3) is what a word means there, 0 to 1: (N,).

    It is judged beside the others: the bluest colour of a picture that has no blue
    may be what is meant, with a low score; a blue that is greenish is not, beside
    a pure one.
    """
    name = COLOR_WORDS[word]
    if not len(palette):
        return np.zeros(0)
    distance = _distances(palette, name)
    others = np.stack([_distances(palette, other) for other in _BASIC if other != name])
    nearer = np.maximum(0, distance - others.min(axis=0))
    cost = distance + np.minimum(nearer, _ANOTHER_NAME)
    if shade:
        cost = cost + _shade_cost(palette, cost, shade)
    worth = np.clip(1.15 - cost / _FARTHEST, 0, 1)
    # The best of the picture rules out what is clearly worse.
    worth[cost > cost.min() + 2.2 * _CLOSE] *= 0.3
    return np.asarray(worth, np.float64)


def basic_name(color: Lab) -> str:
    """What a colour (3,) is called."""
    return min(_BASIC, key=lambda name: float(_distances(color[None], name)[0]))


def _shade_cost(palette: Lab, cost: NDArray[np.float32], shade: str) -> NDArray[np.float32]:
    """What a colour loses for not being the lightest, or darkest, of those with the name."""
    sign = 1 if shade == "light" else -1
    lightness = palette[:, 0] * sign
    named = cost < cost.min() + 2 * _CLOSE
    behind = np.maximum(0, lightness[named].max() - lightness)
    usual = 70 if shade == "light" else -40
    wrong = np.maximum(0, usual - lightness) / 6
    return np.asarray(np.minimum(behind / _SHADE_STEP, 2) * _CLOSE + wrong, np.float32)


def _distances(palette: Lab, name: str) -> NDArray[np.float32]:
    difference = palette[:, None] - _examples(name)[None]
    difference[..., 0] *= _LIGHTNESS_WEIGHT
    return np.asarray(np.linalg.norm(difference, axis=2).min(axis=1), np.float32)


@cache
def _examples(name: str) -> Lab:
    codes = [bytes.fromhex(code) for code in _EXAMPLES[name].split()]
    return lab_of(np.array([list(code) for code in codes], np.uint8))
