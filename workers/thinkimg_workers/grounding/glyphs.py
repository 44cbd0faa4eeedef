"""Which pieces of a picture are letters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from thinkimg_workers.grounding.palette import Palette
from thinkimg_workers.grounding.pieces import Piece
from thinkimg_workers.grounding.texts import Words

_AROUND = 1.5
"""Pixels that letters may stick out of the box of their text."""
_TALLEST, _WIDEST = 1.25, 1.6
"""A letter's size, in heights of its text."""

_BLOCK = 0.94
"""How much of its box a bar fills, and no letter."""


def letters_among(pieces: Sequence[Piece], words: Sequence[Words], palette: Palette) -> set[int]:
    """The `id` of each piece that is a letter, or part of one."""
    if not pieces or not words:
        return set()
    boxes = np.array([piece.box for piece in pieces])
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    letters = np.zeros(len(pieces), bool)
    for one in words:
        x0, y0, x1, y1 = one.box.grown(_AROUND)
        along, across = (width, height) if one.upright else (height, width)
        letters |= (
            (x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1)
            & (along <= _TALLEST * one.size) & (across <= _WIDEST * one.size)
        )  # fmt: skip
    found = [pieces[at] for at in np.flatnonzero(letters).tolist()]
    size = float(np.median([one.size for one in words]))
    return {id(piece) for piece in found if not _is_block(piece, palette, size)}


def _is_block(piece: Piece, palette: Palette, size: float) -> bool:
    """A short bar with its value written on it is no letter."""
    return (
        not palette.is_gray(piece.color)
        and piece.box.height >= 0.6 * size
        and piece.box.width >= 0.25 * size
        and piece.filled >= _BLOCK
        and piece.box.area >= 0.35 * size**2
    )
