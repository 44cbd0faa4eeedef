"""Colours as they are seen in a reduced picture: mixed with the paper."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]
"""(H, W, 3) RGB, 0 to 255."""
Color = NDArray[np.float64]
"""(3,) RGB, 0 to 255."""

_LEAST = 24.0
"""How far from the paper a colour is that can be told from it."""
_OFF = 0.35
"""How far from the way between paper and colour a mix of both may be, of that way."""
_COLORFUL = 6.0
"""How much more being colourful counts than being far from the paper: text is that, too."""
_COARSE = 16


def paper_of(pixels: Pixels) -> Color:
    """The commonest colour."""
    coarse = (pixels // _COARSE).astype(np.int64)
    bins = (coarse[..., 0] * _COARSE + coarse[..., 1]) * _COARSE + coarse[..., 2]
    commonest = np.bincount(bins.ravel()).argmax()
    return np.asarray(pixels[bins == commonest].mean(axis=0), np.float64)


def strongest(pixels: Pixels, paper: Color) -> Color | None:
    """The colour farthest from the paper, colourful before gray; None on bare paper."""
    flat = pixels.reshape(-1, 3).astype(np.float64)
    away = np.linalg.norm(flat - paper, axis=1)
    if away.max() < _LEAST:
        return None
    worth = away + _COLORFUL * np.abs(_chroma(flat) - _chroma(paper[None]))
    top = worth >= np.quantile(worth, 1 - min(1.0, 4 / len(flat)))
    return np.asarray(np.median(flat[top], axis=0), np.float64)


def share_of(pixels: Pixels, color: Color, paper: Color) -> NDArray[np.float64]:
    """(H, W) how much of each pixel is a colour, 0 to 1, where the rest is paper."""
    way = color - paper
    length = float(way @ way)
    difference = pixels.astype(np.float64) - paper
    share = difference @ way / length
    off = np.linalg.norm(difference - share[..., None] * way, axis=2) / np.sqrt(length)
    # A mix of another colour points another way from the paper.
    fits = np.clip(1 - off / (_OFF * np.maximum(share, 0.2)), 0, 1)
    return np.asarray(np.clip(share, 0, 1) * fits, np.float64)


def _chroma(colors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) how far from gray colours (N, 3) are."""
    return np.asarray(colors.max(axis=1) - colors.min(axis=1), np.float64)
