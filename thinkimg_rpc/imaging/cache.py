"""Decoded images by digest: what a call on an image seen before does not pay for again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future

from thinkimg_rpc.imaging.codec import decode
from thinkimg_rpc.imaging.rgb import Pixels


class ImageCache:
    """Decoded images, (H, W, 3) uint8 RGB and read-only, least recently used going first.

    Bounded in bytes of pixels. Thread-safe.
    """

    def __init__(self, max_bytes: int, *, max_pixels: int) -> None:
        self._max_bytes = max_bytes
        self._max_pixels = max_pixels
        self._images: OrderedDict[str, Pixels] = OrderedDict()
        self._decoding: dict[str, Future[Pixels]] = {}
        self._nbytes = 0
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of pixels held."""
        return self._nbytes

    def __len__(self) -> int:
        return len(self._images)

    def __contains__(self, digest: str) -> bool:
        return digest in self._images

    def get(self, digest: str) -> Pixels | None:
        """The image, or None; it becomes the most recently used."""
        with self._lock:
            return self._find(digest)

    def put(self, digest: str, pixels: Pixels) -> None:
        """Keep an image. From then on `pixels` cannot be written to.

        A view is copied, so that a small crop does not keep a large image alive.
        """
        self._keep(digest, pixels if _stands_alone(pixels) else pixels.copy())

    def decode(self, digest: str, data: bytes) -> Pixels:
        """The image of that digest, decoded from `data` if it is not here.

        Threads that ask for one digest at a time decode it once. A failure
        reaches all of them, and is not remembered.

        Raises:
            InvalidImage: see `thinkimg_rpc.imaging.codec.decode`.
        """
        with self._lock:
            pixels = self._find(digest)
            if pixels is not None:
                return pixels
            decoding = self._decoding.get(digest)
            if decoding is None:
                mine = self._decoding[digest] = Future[Pixels]()
        if decoding is not None:
            return decoding.result()
        try:
            pixels = decode(data, max_pixels=self._max_pixels)
            self._keep(digest, pixels)
            mine.set_result(pixels)
            return pixels
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._decoding[digest]

    def _find(self, digest: str) -> Pixels | None:
        pixels = self._images.get(digest)
        if pixels is not None:
            self._images.move_to_end(digest)
        return pixels

    def _keep(self, digest: str, pixels: Pixels) -> None:
        pixels.flags.writeable = False
        with self._lock:
            if self._find(digest) is not None or pixels.nbytes > self._max_bytes:
                return
            self._images[digest] = pixels
            self._nbytes += pixels.nbytes
            while self._nbytes > self._max_bytes:
                self._nbytes -= self._images.popitem(last=False)[1].nbytes


def _stands_alone(pixels: Pixels) -> bool:
    """Whether an array has its bytes to itself, in C order."""
    return pixels.flags.c_contiguous and pixels.flags.owndata
