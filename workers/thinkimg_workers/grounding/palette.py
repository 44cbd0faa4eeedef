"""The few colours a picture is drawn in, and which pixel has which."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_workers.grounding.color_names import Lab, lab_of

NO_COLOR = 255
"""The label of pixels between colours: blurred edges, photographs."""

_MOST_COLORS = 28
_SAME = 9.0
"""Within this distance in Lab, a colour is one of those found before."""
_NEAR = 15.0
"""Within this distance in Lab, a pixel has a colour."""
_LEAST_SHARE, _LEAST_PIXELS = 3e-5, 12
_BLEND = 14.0
"""How far from the straight line between two colours, in RGB, their blend may be."""
_TOUCHING = 0.75
"""A blend's pixels lie beside the stronger colour, this part of them at least."""
_GRAY = 9.0
"""Chroma below which a colour is a gray."""


@dataclass(frozen=True)
class Palette:
    """The colours, the commonest first: that of the paper."""

    rgb: NDArray[np.uint8]
    """(N, 3)."""
    lab: Lab
    """(N, 3)."""
    labels: NDArray[np.uint8]
    """(H, W) the number of each pixel's colour, or NO_COLOR."""
    counts: NDArray[np.int64]
    """(N,) pixels of each colour."""

    def __len__(self) -> int:
        return len(self.rgb)

    def is_gray(self, color: int) -> bool:
        return float(np.hypot(*self.lab[color, 1:])) < _GRAY

    def contrast(self, color: int) -> float:
        """Distance from the paper, in Lab."""
        return float(np.linalg.norm(self.lab[color] - self.lab[0]))

    def is_blend(self, color: int, stronger: int) -> bool:
        """Whether a colour lies between the paper's and another."""
        values = self.rgb.astype(np.float64)
        return _is_between(values[color], values[0], values[stronger])


def palette_of(pixels: Pixels, text: NDArray[np.bool_]) -> Palette:
    """The palette of (H, W, 3) pixels; colours only seen where `text` is (H, W) are left out."""
    bins = _bins_of(pixels)
    counted = np.bincount(bins[~text], minlength=1 << 15)
    if not counted.any():
        counted = np.bincount(bins.ravel(), minlength=1 << 15)
    total = int(counted.sum())
    common = np.flatnonzero(counted >= max(min(_LEAST_PIXELS, total), total * _LEAST_SHARE))
    common = common[np.argsort(-counted[common], kind="stable")]
    if not len(common):
        common = np.array([int(counted.argmax())])
    labs = lab_of(_rgb_of_bins(common))
    chosen: list[int] = []
    for index in range(len(common)):
        distances = np.linalg.norm(labs[chosen] - labs[index], axis=1)
        if not len(distances) or distances.min() > _SAME:
            chosen.append(index)
            if len(chosen) == _MOST_COLORS:
                break
    colors = _exact(pixels, bins, common[chosen])
    labels = _labels(bins, lab_of(colors))
    kept = _without_blends(colors, labels)
    if len(kept) < len(colors):
        colors = colors[kept]
        renumbered = np.full(256, NO_COLOR, np.uint8)
        renumbered[kept] = np.arange(len(kept))
        labels = renumbered[labels]
    counts = np.bincount(labels.ravel(), minlength=256)[: len(colors)]
    return Palette(colors, lab_of(colors), labels, counts)


def _bins_of(pixels: Pixels) -> NDArray[np.uint16]:
    """(H, W) each pixel's colour in 5 bits for each of red, green and blue."""
    coarse = (pixels >> 3).astype(np.uint16)
    bins = (coarse[..., 0] << 10) | (coarse[..., 1] << 5) | coarse[..., 2]
    return np.asarray(bins, np.uint16)


def _rgb_of_bins(bins: NDArray[np.int64]) -> NDArray[np.uint8]:
    channels = np.stack([bins >> 10, (bins >> 5) & 31, bins & 31], axis=-1)
    return (channels * 8 + 4).astype(np.uint8)


def _exact(
    pixels: Pixels, bins: NDArray[np.uint16], chosen: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """The mean colour of each bin, from some of its pixels."""
    flat_bins, flat = bins.ravel(), pixels.reshape(-1, 3)
    step = max(1, len(flat_bins) // 300_000)
    some_bins, some = flat_bins[::step], flat[::step]
    colors = _rgb_of_bins(chosen)
    for index, one in enumerate(chosen):
        members = some[some_bins == one]
        if len(members):
            colors[index] = members.mean(axis=0).round().astype(np.uint8)
    return colors


def _labels(bins: NDArray[np.uint16], colors: Lab) -> NDArray[np.uint8]:
    """(H, W) the nearest colour of each pixel, NO_COLOR where none is near."""
    present = np.flatnonzero(np.bincount(bins.ravel(), minlength=1 << 15))
    labs = lab_of(_rgb_of_bins(present))
    distances = np.stack([np.linalg.norm(labs - color, axis=1) for color in colors])
    nearest = distances.argmin(axis=0).astype(np.uint8)
    nearest[distances.min(axis=0) > _NEAR] = NO_COLOR
    table = np.full(1 << 15, NO_COLOR, np.uint8)
    table[present] = nearest
    return table[bins]


def _without_blends(colors: NDArray[np.uint8], labels: NDArray[np.uint8]) -> list[int]:
    """The colours that are not just the soft edge between the paper and another."""
    values = colors.astype(np.float64)
    counts = np.bincount(labels.ravel(), minlength=256)
    kept = [0]
    for index in range(1, len(colors)):
        stronger = [
            other
            for other in range(1, len(colors))
            if other != index
            and counts[other] > 0.3 * counts[index]
            and _is_between(values[index], values[0], values[other])
        ]
        if not any(_touches(labels, index, other) for other in stronger):
            kept.append(index)
    return kept


def _is_between(
    color: NDArray[np.float64], paper: NDArray[np.float64], other: NDArray[np.float64]
) -> bool:
    way = other - paper
    share = float((color - paper) @ way) / max(1.0, float(way @ way))
    return 0.08 < share < 0.93 and float(np.linalg.norm(paper + share * way - color)) < _BLEND


def _touches(labels: NDArray[np.uint8], one: int, other: int) -> bool:
    """Whether nearly all pixels of a colour lie beside another one."""
    mask = labels == one
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return True
    part = (
        slice(max(0, rows[0] - 1), rows[-1] + 2),
        slice(max(0, columns[0] - 1), columns[-1] + 2),
    )
    beside = cv2.dilate((labels[part] == other).astype(np.uint8), np.ones((3, 3), np.uint8))
    return float(beside[mask[part]].mean()) > _TOUCHING
