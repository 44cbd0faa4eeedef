"""Shapes on textured backgrounds whose every pixel is known: what segmentation is measured on.

The mean colours of a shape and of what is around it are at least `LEAST_DISTANCE`
apart (CIE76), so that a person sees the shape; texture on either side adds to
that. Edges are antialiased; the true mask is where a shape covers half a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from thinkimg_rpc.imaging.mask import MaskPixels
from thinkimg_rpc.imaging.rgb import Pixels

FORMS = ("ellipse", "polygon", "star", "blob", "rounded rectangle")
TEXTURES = ("noise", "gradient", "stripes", "photo")
FILLS = ("flat", *TEXTURES)
SIZES = ((320, 240), (480, 480), (640, 480), (900, 600), (1280, 960))
LEAST_DISTANCE = 30.0
_SUBPIXELS = 4

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Region:
    """One region of a picture: what is asked for, and what to ask for it by."""

    pixels: Pixels
    mask: MaskPixels
    """(H, W), true on the region."""
    point: tuple[float, float]
    """x and y of a point well inside it."""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The smallest box around it."""
        rows, columns = np.nonzero(self.mask)
        return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@dataclass(frozen=True)
class DrawnShape(Region):
    """A shape; others may be in the picture too."""

    form: str
    fill: str
    background: str


def draw_shape(seed: int) -> DrawnShape:
    """The picture of that seed, always the same."""
    random = np.random.default_rng(seed)
    width, height = SIZES[random.integers(len(SIZES))]
    background = str(random.choice(TEXTURES))
    ground_color = _color(random)
    canvas = texture(random, background, ground_color, width, height)
    taken = np.zeros((height, width), bool)
    form, fill = str(random.choice(FORMS)), str(random.choice(FILLS))
    mask = taken
    for number in range(1 + int(random.integers(0, 4))):
        coverage = _place(random, form if number == 0 else str(random.choice(FORMS)), taken)
        if coverage is None:
            continue
        color = _distant_color(random, ground_color)
        kind = fill if number == 0 else str(random.choice(FILLS))
        paint = texture(random, kind, color, width, height)
        canvas = canvas + coverage[..., None] * (paint - canvas)
        taken = taken | _dilated(coverage > 0, 6)
        if number == 0:
            mask = coverage >= 0.5
    pixels = np.clip(np.rint(canvas), 0, 255).astype(np.uint8)
    return DrawnShape(pixels, mask, _point_inside(random, mask), form, fill, background)


def texture(
    random: np.random.Generator, kind: str, color: Floats, width: int, height: int
) -> Floats:
    """(H, W, 3) of a kind of `FILLS` around a mean colour, 0 to 255."""
    base = np.broadcast_to(color, (height, width, 3)).astype(np.float32)
    if kind == "flat":
        return base
    amplitude = float(random.uniform(10, 25))
    tint = 1 + 0.3 * random.standard_normal(3).astype(np.float32)
    if kind == "noise":
        return base + random.normal(0, amplitude, base.shape).astype(np.float32)
    angle, rows, columns = random.uniform(0, np.pi), *np.mgrid[:height, :width]
    along = columns * np.cos(angle) + rows * np.sin(angle)
    if kind == "gradient":
        ramp = 2 * (along - along.min()) / np.ptp(along) - 1
        return cast(Floats, base + (ramp[..., None] * 1.5 * amplitude * tint).astype(np.float32))
    if kind == "stripes":
        wave = np.sign(np.sin(2 * np.pi * along / random.uniform(5, 18)))
        return cast(Floats, base + (wave[..., None] * 0.7 * amplitude * tint).astype(np.float32))
    return base + pink(random, width, height)[..., None] * (amplitude * tint)


def pink(random: np.random.Generator, width: int, height: int) -> Floats:
    """(H, W) noise with the spectrum of photographs, 1/f, of mean 0 and deviation 1."""
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(random.standard_normal((height, width))) / frequency
    noise = np.fft.irfft2(spectrum, s=(height, width))
    return cast(Floats, (noise / noise.std()).astype(np.float32))


def outline(random: np.random.Generator, form: str) -> NDArray[np.float64]:
    """(N, 2) corners of a form around the origin, at most 1 away from it, turned at random."""
    turn = random.uniform(0, 2 * np.pi)
    angles = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    radius = np.ones_like(angles)
    squeeze = random.uniform(0.4, 1)
    if form == "polygon":
        angles = np.sort(np.linspace(0, 2 * np.pi, count := int(random.integers(3, 9)), False))
        angles = angles + random.uniform(-0.25, 0.25, count) * 2 * np.pi / count
        radius = random.uniform(0.8, 1, count)
    elif form == "star":
        spikes = int(random.integers(5, 9))
        angles = np.linspace(0, 2 * np.pi, 2 * spikes, endpoint=False)
        radius = np.where(np.arange(2 * spikes) % 2, random.uniform(0.4, 0.65), 1.0)
    elif form == "blob":
        for wave in (2, 3, 4):
            radius += random.uniform(0, 0.22) * np.sin(wave * angles + random.uniform(0, 6.3))
        radius /= radius.max()
    elif form == "rounded rectangle":
        radius = (np.abs(np.cos(angles)) ** 6 + np.abs(np.sin(angles)) ** 6) ** (-1 / 6)
        radius /= radius.max()
    corners = np.stack([radius * np.cos(angles), squeeze * radius * np.sin(angles)], axis=1)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return cast(NDArray[np.float64], corners @ rotation)


def _place(random: np.random.Generator, form: str, taken: MaskPixels) -> Floats | None:
    """(H, W) coverage, 0 to 1, of a form where nothing is yet; None if there is no room."""
    height, width = taken.shape
    for _ in range(30):
        size = random.uniform(0.08, 0.38) * min(height, width)
        center = random.uniform([size, size], [width - size, height - size])
        corners = (outline(random, form) * size + center) * _SUBPIXELS
        large = np.zeros((height * _SUBPIXELS, width * _SUBPIXELS), np.uint8)
        cv2.fillPoly(large, [np.rint(corners).astype(np.int32)], 255)
        shrunk = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)
        coverage = cast(Floats, shrunk.astype(np.float32) / 255)
        if not (taken & (coverage > 0)).any():
            return coverage
    return None


def _color(random: np.random.Generator) -> Floats:
    return random.uniform(30, 225, 3).astype(np.float32)


def _distant_color(random: np.random.Generator, other: Floats) -> Floats:
    while True:
        color = _color(random)
        pair = np.stack([color, other])[None] / 255
        lab = cv2.cvtColor(pair.astype(np.float32), cv2.COLOR_RGB2Lab)[0]
        if np.linalg.norm(lab[0] - lab[1]) >= LEAST_DISTANCE:
            return color


def _dilated(mask: MaskPixels, pixels: int) -> MaskPixels:
    kernel = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    return cv2.dilate(mask.astype(np.uint8), kernel) > 0


def _point_inside(random: np.random.Generator, mask: MaskPixels) -> tuple[float, float]:
    depth = cv2.distanceTransform(
        np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
    rows, columns = np.nonzero(depth[1:-1, 1:-1] >= 0.3 * depth.max())
    chosen = int(random.integers(len(rows)))
    return columns[chosen] + 0.5, rows[chosen] + 0.5
