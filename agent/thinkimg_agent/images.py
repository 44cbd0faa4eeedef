"""The images of an episode: numbered, and reduced to what the policy can look at."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from thinkimg_agent.coordinates import View
from thinkimg_agent.shown import Shown, ShownImages
from thinkimg_rpc.digest import digest_of

SHOWN_BYTES = 64 << 20
_shown = ShownImages(SHOWN_BYTES)
"""Of all episodes in this process."""


def keep_shown(max_bytes: int) -> None:
    """Begin anew with so much memory for what the episodes of this process are shown."""
    global _shown
    _shown = ShownImages(max_bytes)


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

    @cached_property
    def shown_url(self) -> str:
        """What is shown as a data URL, which endpoints want again with every turn."""
        return f"data:image/png;base64,{base64.b64encode(self.shown).decode()}"


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
        digest, shown = await asyncio.to_thread(_digest_and_shown, data, self._max_shown_pixels)
        image = EpisodeImage(
            name=f"img_{len(self._images) + 1}",
            data=data,
            digest=digest,
            shown=shown.data,
            shown_digest=shown.digest,
            view=shown.view,
        )
        self._images[image.name] = image
        return image

    def named(self, name: str) -> EpisodeImage | None:
        return self._images.get(name)

    def only(self) -> EpisodeImage | None:
        """The image that needs no name, because there is no other."""
        return next(iter(self._images.values())) if len(self._images) == 1 else None


def _digest_and_shown(data: bytes, max_pixels: int) -> tuple[str, Shown]:
    digest = digest_of(data)
    return digest, _shown.of(digest, data, max_pixels)
