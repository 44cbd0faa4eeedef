"""What processors make of images, put side by side: those of a conversation's messages,
and those of a pass's conversations.

Families differ: patches of all images in one list (Qwen-VL, InternVL, Gemma), or
tiles for each image or message, filled up with black to one number (LLaVA-OneVision,
Idefics, SmolVLM), or patches that other features count (Molmo 2). In all of them the
first axis runs over images in the order of their placeholders, and what is filled up
the models leave out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

_PICTURES = 4
"""From this many axes on, features are pictures, which may be filled up; with fewer they are
patches, sizes and grids."""

_INDEXES = {"image_token_pooling": "pixel_values"}
"""Features that count the patches of others, from the first of the first image on; those of a
piece that comes later count on."""

PixelFeatures = Mapping[str, torch.Tensor]


def joined(pieces: Sequence[PixelFeatures]) -> dict[str, torch.Tensor]:
    """The features of several pieces, in order. Raises: ValueError, when they do not fit."""
    pieces = _counted_on(pieces)
    names = dict.fromkeys(name for piece in pieces for name in piece)
    return {
        name: _stacked(name, [piece[name] for piece in pieces if name in piece]) for name in names
    }


def shape_of(features: PixelFeatures) -> Any:
    """Features of equal shape can be joined."""
    return {
        name: tuple(value.shape[1:]) if value.ndim < _PICTURES else value.ndim
        for name, value in features.items()
    }


def _counted_on(pieces: Sequence[PixelFeatures]) -> list[PixelFeatures]:
    counted: list[PixelFeatures] = []
    before = dict.fromkeys(_INDEXES, 0)
    for piece in pieces:
        for name, counts in _INDEXES.items():
            if name in piece:
                indexes = piece[name]  # below 0: none
                moved = torch.where(indexes < 0, indexes, indexes + before[name])
                before[name] += piece[counts].shape[:2].numel()
                piece = {**piece, name: moved}
        counted.append(piece)
    return counted


def _stacked(name: str, values: Sequence[torch.Tensor]) -> torch.Tensor:
    if len(values) == 1:
        return values[0]
    if len({value.ndim for value in values}) > 1:
        raise ValueError(f"{name} has different axes for different images")
    if values[0].ndim >= _PICTURES:
        largest = [max(sizes) for sizes in zip(*(value.shape[1:] for value in values), strict=True)]
        values = [_filled(value, largest) for value in values]
    elif len({value.shape[1:] for value in values}) > 1:
        raise ValueError(f"{name} has different sizes for different images")
    return torch.cat(list(values))


def _filled(value: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
    if list(value.shape[1:]) == list(sizes):
        return value
    filled = value.new_zeros((value.shape[0], *sizes))
    filled[tuple(slice(size) for size in value.shape)] = value
    return filled
