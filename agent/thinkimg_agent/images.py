"""The images of an episode: numbered, and reduced to what the policy can look at."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2

from thinkimg_agent.coordinates import View
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.imaging.codec import decode, encode_png
from thinkimg_rpc.imaging.rgb import known_uint8

MAX_PIXELS = 1 << 26
_VIEWS_KEPT = 64
"""Rollouts of one sample start from the same image, and reduce it once."""


@dataclass(frozen=True)
class EpisodeImage:
    """One image of an episode."""

    name: str
    """As the model calls it: "img_1"."""
    data: bytes
    """The encoded image itself, which the tools work on."""
    digest: str
    shown: bytes
    """As the policy sees it: a PNG of at most its pixel budget."""
    shown_digest: str
    view: View


class EpisodeImages:
    """`img_1`, `img_2`, … in the order they came; any of them can be named at any time."""

    def __init__(self, max_shown_pixels: int) -> None:
        self._max_shown_pixels = max_shown_pixels
        self._images: dict[str, EpisodeImage] = {}

    def __len__(self) -> int:
        return len(self._images)

    def __iter__(self) -> Iterator[EpisodeImage]:
        return iter(self._images.values())

    async def add(self, data: bytes) -> EpisodeImage:
        """Number an encoded image. Raises: InvalidImage."""
        digest = digest_of(data)
        encoded = _Encoded(digest, data)
        shown, shown_digest, view = await asyncio.to_thread(
            _reduced, encoded, self._max_shown_pixels
        )
        image = EpisodeImage(
            name=f"img_{len(self._images) + 1}",
            data=data,
            digest=digest,
            shown=shown,
            shown_digest=shown_digest,
            view=view,
        )
        self._images[image.name] = image
        return image

    def named(self, name: str) -> EpisodeImage | None:
        return self._images.get(name)

    def only(self) -> EpisodeImage | None:
        """The image that needs no name, because there is no other."""
        return next(iter(self._images.values())) if len(self._images) == 1 else None


@dataclass(frozen=True)
class _Encoded:
    """An encoded image that is told from others by its digest."""

    digest: str
    data: bytes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Encoded) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@lru_cache(maxsize=_VIEWS_KEPT)
def _reduced(image: _Encoded, max_pixels: int) -> tuple[bytes, str, View]:
    """A PNG of at most `max_pixels` with its digest, made of exactly the tools' pixels."""
    pixels = decode(image.data, max_pixels=MAX_PIXELS)
    height, width = pixels.shape[:2]
    scale = min(1.0, (max_pixels / (width * height)) ** 0.5)
    size = max(1, int(width * scale)), max(1, int(height * scale))
    if size != (width, height):
        pixels = known_uint8(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    shown = encode_png(pixels)
    return shown, digest_of(shown), View(width, height, *size)
