"""The text of a picture, as its layout is judged by it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_workers.grounding.boxes import Box, union_of
from thinkimg_workers.grounding.color_names import Lab, lab_of
from thinkimg_workers.grounding.wish import words_of

if TYPE_CHECKING:
    from thinkimg_workers.text_line import TextLine

_SURE = 0.5
_ALIKE = 0.8
"""Spellings so alike differ by what reading gets wrong."""
_LARGEST_LETTER = 2.5
"""A single letter so many times the usual size is a shape that was read as one."""
_INK = 0.4
"""How much of the strongest contrast in a text's box counts as its ink."""
_LEAST_FUZZY = 4
"""Shorter words must be equal."""


@dataclass(frozen=True, eq=False)
class Words:
    """A piece of text. `upright` reads up or down."""

    text: str
    box: Box
    size: float
    """The height of its letters' line, in pixels."""
    upright: bool
    slanted: bool
    ink: Lab
    """(3,) the colour that stands out most in it."""

    @property
    def is_number(self) -> bool:
        return is_number(self.text)


def is_number(text: str) -> bool:
    digits = sum(character.isdigit() for character in text)
    letters = sum(character.isalpha() for character in text)
    return digits > 0 and letters <= min(digits, 2)


def words_in(lines: Iterable[TextLine], pixels: Pixels, scale: float) -> list[Words]:
    """The lines, in pixels of a picture `scale` times as large: `pixels`, (H, W, 3)."""
    height, width = pixels.shape[:2]
    found = []
    for line in lines:
        if line.score < _SURE or not any(map(str.isalnum, line.text)):
            continue
        corners = np.asarray(line.corners, np.float64) * scale
        box = Box(*corners.min(axis=0), *corners.max(axis=0)).clipped(width, height)
        box = _trimmed(box, pixels)
        if box.width < 1 or box.height < 1:
            continue
        run, rise = corners[1] - corners[0], corners[3] - corners[0]
        angle = abs(float(np.degrees(np.arctan2(run[1], run[0])))) % 180
        found.append(
            Words(
                text=" ".join(line.text.split()),
                box=box,
                size=max(1.0, float(np.hypot(*rise))),
                upright=60 < angle < 120,
                slanted=15 < angle < 60 or 120 < angle < 165,
                ink=_ink(pixels, box),
            )
        )
    usual = float(np.median([one.size for one in found] or [0]))
    return [
        one
        for one in found
        if len(one.text) > 1
        or one.size < _LARGEST_LETTER * usual
        or one.size < 0.1 * min(width, height)
    ]


def merged_words(parts: Sequence[Words]) -> Words:
    """Lines of text, from top to bottom, as one."""
    first = parts[0]
    return Words(
        text=" ".join(part.text for part in parts),
        box=union_of(part.box for part in parts),
        size=first.size,
        upright=first.upright,
        slanted=first.slanted,
        ink=first.ink,
    )


def likeness(asked: str, written: str) -> float:
    """How well a text is what was asked for, 0 to 1, case and punctuation aside."""
    return _likeness(tuple(words_of(asked)), tuple(words_of(written)))


def covered(asked: Sequence[str], written: str) -> NDArray[np.bool_]:
    """Which of the words asked for occur in a text: (N,)."""
    there = words_of(written)
    run = "".join(there)  # readers put spaces into words
    return np.array(
        [
            any(_same(word, other) for other in there)
            or (len(word) >= _LEAST_FUZZY and len(there) > 1 and word in run)
            for word in asked
        ],
        bool,
    )


def _likeness(asked: tuple[str, ...], written: tuple[str, ...]) -> float:
    if not asked or not written:
        return 0.0
    if asked == written or "".join(asked) == "".join(written):
        return 1.0
    common = sum(any(_same(word, other) for other in written) for word in asked)
    of_asked, of_written = common / len(asked), min(1.0, common / len(written))
    by_words = (0.5 + 0.5 * of_written) * of_asked**2
    one, other = "".join(asked), "".join(written)
    if min(len(one), len(other)) < _LEAST_FUZZY or not 0.7 < len(one) / len(other) < 1.4:
        return 0.95 * by_words
    spelled = SequenceMatcher(None, one, other, autojunk=False).ratio()
    return max(0.95 * by_words, spelled if spelled > _ALIKE else 0.0)


def _same(one: str, other: str) -> bool:
    if one == other or one.removesuffix("s") == other.removesuffix("s") != "":
        return True
    if min(len(one), len(other)) < _LEAST_FUZZY or one.isdigit() or other.isdigit():
        return False
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.quick_ratio() > _ALIKE and matcher.ratio() > _ALIKE


def _trimmed(box: Box, pixels: Pixels) -> Box:
    """Without what is blank along the sides: readers of text leave a margin."""
    x0, y0, x1, y1 = int(box.x0), int(box.y0), int(np.ceil(box.x1)), int(np.ceil(box.y1))
    part = pixels[y0:y1, x0:x1]
    if min(part.shape[:2]) < 3:
        return box
    ground = np.median(part[:: max(1, part.shape[0] // 24)].reshape(-1, 3), axis=0)
    contrast = cv2.absdiff(part, np.full_like(part, ground.astype(np.uint8))).max(axis=2)
    ink = contrast > max(30.0, _INK * float(contrast.max()))
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return box
    tight = Box(x0 + columns[0], y0 + rows[0], x0 + columns[-1] + 1, y0 + rows[-1] + 1)
    return Box(*map(float, tight)) if tight.area > 0.2 * box.area else box


def _ink(pixels: Pixels, box: Box) -> Lab:
    """The colour of letters: what is farthest from the commonest in their box."""
    x0, y0, x1, y1 = (round(edge) for edge in box)
    part = np.ascontiguousarray(pixels[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)])
    if part.size == 0:
        return np.zeros(3, np.float32)
    if part.shape[0] * part.shape[1] > 4000:
        factor = (4000 / (part.shape[0] * part.shape[1])) ** 0.5
        part = np.asarray(
            cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST), np.uint8
        )
    colors = lab_of(part.reshape(-1, 3))
    away = np.linalg.norm(colors - np.median(colors, axis=0), axis=1)
    return np.asarray(np.median(colors[away >= 0.85 * away.max()], axis=0), np.float32)
