"""The images a worker knows: decoded ones by digest, and where to find the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from thinkimg_rpc.blobs import LARGE_BYTES, BlobStore
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.errors import ImageNotCached
from thinkimg_rpc.imaging.cache import ImageCache
from thinkimg_rpc.imaging.codec import decode, encode_jpeg, encode_png
from thinkimg_rpc.settings import LimitSettings
from thinkimg_rpc.v1 import Image, ImageFormat, ResultImage

if TYPE_CHECKING:
    from thinkimg_rpc.tool import Clock, Pixels

Fetch = Callable[[str, float | None], bytes | None]
"""(digest, seconds) -> the encoded image, from elsewhere in the mesh; None: not there."""
Share = Callable[[str, bytes], None]
"""(digest, encoded image): let the mesh have what is too large for a response."""


class WorkerImages:
    """Images by digest, as the tools of one worker see them. Thread-safe."""

    def __init__(self, limits: LimitSettings, fetch: Fetch, share: Share) -> None:
        self._max_pixels = limits.max_image_pixels
        self._fetch = fetch
        self._share = share
        self.decoded = ImageCache(limits.image_cache_bytes, max_pixels=limits.max_image_pixels)
        self.blobs = BlobStore(limits.image_store_bytes // 4)

    def pixels(self, image: Image, clock: Clock) -> Pixels:
        """The decoded image, (H, W, 3) uint8 RGB, read-only.

        Raises: ValueError, when the bytes are not an image; ImageNotCached.
        """
        if image.WhichOneof("source") == "data":
            return self.decoded.decode(digest_of(image.data), image.data)
        pixels = self.decoded.get(image.digest)
        if pixels is not None:
            return pixels
        data = self.blobs.get(image.digest) or self._fetch(image.digest, clock.remaining_s())
        if data is None:
            raise ImageNotCached(f"no image {image.digest[:12]}… here (any more); send its bytes")
        return self.decoded.decode(image.digest, data)

    def reply(self, pixels: Pixels, image_format: ImageFormat.ValueType) -> ResultImage:
        """Encode a tool's result, and keep it decoded for further calls by digest."""
        height, width = pixels.shape[:2]
        if image_format == ImageFormat.IMAGE_FORMAT_JPEG:
            data = encode_jpeg(pixels)
            digest = digest_of(data)
            # JPEG loses: a further call must see what the caller received.
            self.decoded.put(digest, decode(data, max_pixels=self._max_pixels))
            media_type = "image/jpeg"
        else:
            data = encode_png(pixels)
            digest = digest_of(data)
            self.decoded.put(digest, pixels)
            media_type = "image/png"
        result = ResultImage(digest=digest, width=width, height=height, media_type=media_type)
        if len(data) <= LARGE_BYTES:
            result.data = data
        else:
            self.blobs.put(digest, data)
            self._share(digest, data)
        return result

    def holds(self, digest: str) -> bool:
        return digest in self.decoded or digest in self.blobs
