"""Images as policies see them: reduced and encoded once, however many episodes show them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass

import cv2

from thinkimg_agent.coordinates import View
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.imaging.codec import decode, encode_png
from thinkimg_rpc.imaging.rgb import known_uint8

MAX_PIXELS = 1 << 26
"""Of an image that an episode takes."""
MAX_ASPECT = 100
"""Of the sides of what is shown. A model may cut out one row of pixels, and processors of Qwen's
models take no image of 200 to 1."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An image as a policy sees it."""

    data: bytes
    """A PNG."""
    digest: str
    view: View


class ShownImages:
    """Reduced images, bounded in bytes, least recently used going first. Thread-safe.

    Rollouts of one sample start from the same image at the same instant: whoever
    comes first reduces it, and the others wait for that.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._nbytes = 0
        self._kept: OrderedDict[tuple[str, int], Shown] = OrderedDict()
        self._making: dict[tuple[str, int], Future[Shown]] = {}
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of encoded images held."""
        return self._nbytes

    def of(self, digest: str, data: bytes, max_pixels: int) -> Shown:
        """An encoded image of that digest, reduced to `max_pixels`.

        A failure reaches all that wait for it, and is not remembered.

        Raises: InvalidImage.
        """
        key = (digest, max_pixels)
        with self._lock:
            if (shown := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return shown
            if (making := self._making.get(key)) is None:
                mine = self._making[key] = Future[Shown]()
        if making is not None:
            return making.result()
        try:
            shown = reduced(data, max_pixels)
            self._keep(key, shown)
            mine.set_result(shown)
            return shown
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._making[key]

    def _keep(self, key: tuple[str, int], shown: Shown) -> None:
        with self._lock:
            if key in self._kept or len(shown.data) > self._max_bytes:
                return
            self._kept[key] = shown
            self._nbytes += len(shown.data)
            while self._nbytes > self._max_bytes:
                self._nbytes -= len(self._kept.popitem(last=False)[1].data)


def reduced(data: bytes, max_pixels: int) -> Shown:
    """A PNG of at most `max_pixels`, made of exactly the pixels that tools see; a strip is
    shown broader than it is.

    Raises: InvalidImage.
    """
    pixels = decode(data, max_pixels=MAX_PIXELS)
    height, width = pixels.shape[:2]
    wide, high = max(width, height / MAX_ASPECT), max(height, width / MAX_ASPECT)
    scale = min(1.0, (max_pixels / (wide * high)) ** 0.5)
    size = max(1, int(wide * scale)), max(1, int(high * scale))
    if size != (width, height):
        pixels = known_uint8(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    encoded = encode_png(pixels)
    # A tool's own PNG comes out as it went in, and need not be held twice.
    shown = data if encoded == data else encoded
    return Shown(shown, digest_of(shown), View(width, height, *size))
