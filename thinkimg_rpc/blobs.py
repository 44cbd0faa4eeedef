"""Encoded images by digest: a bounded store, and its gRPC service.

Workers and the front door both run one. It is a cache, not an archive: the
least recently used image goes first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import grpc.aio

from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.errors import InvalidRequest, NotFound, ThinkImgError, TooLarge
from thinkimg_rpc.status import abort
from thinkimg_rpc.v1 import (
    GetImageRequest,
    GetImageResponse,
    HasImagesRequest,
    HasImagesResponse,
    ImageHeader,
    ImageStoreServiceServicer,
    PutImageRequest,
    PutImageResponse,
)

if TYPE_CHECKING:
    from thinkimg_rpc.v1.image_store_pb2_grpc import ImageStoreServiceAsyncStub

CHUNK_BYTES = 1 << 20
LARGE_BYTES = 2 << 20
"""Above this an image does not travel inside a request or a response."""


class BlobStore:
    """Encoded images, least recently used going first. Thread-safe."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._blobs: OrderedDict[str, bytes] = OrderedDict()
        self._nbytes = 0
        self._lock = threading.Lock()

    def put(self, digest: str, data: bytes) -> None:
        """Keep `data`, whose sha256 is `digest`. What is larger than the store is not kept."""
        with self._lock:
            if digest in self._blobs:
                self._blobs.move_to_end(digest)
                return
            if len(data) > self.max_bytes:
                return
            self._blobs[digest] = data
            self._nbytes += len(data)
            while self._nbytes > self.max_bytes:
                self._nbytes -= len(self._blobs.popitem(last=False)[1])

    def get(self, digest: str) -> bytes | None:
        with self._lock:
            data = self._blobs.get(digest)
            if data is not None:
                self._blobs.move_to_end(digest)
            return data

    def __contains__(self, digest: str) -> bool:
        return digest in self._blobs


class ImageStore(ImageStoreServiceServicer):
    """`ImageStoreService` over a `BlobStore`.

    `also_held` says of a digest whether a call could name it although its
    encoded bytes are gone: a worker's decoded images.
    """

    def __init__(self, blobs: BlobStore, also_held: Callable[[str], bool] | None = None) -> None:
        self._blobs = blobs
        self._also_held = also_held or (lambda digest: False)

    async def PutImage(
        self,
        request_iterator: AsyncIterator[PutImageRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> PutImageResponse:
        try:
            digest, data = await self._receive(request_iterator)
        except ThinkImgError as error:
            await abort(context, error)
        self._blobs.put(digest, data)
        return PutImageResponse()

    async def HasImages(
        self, request: HasImagesRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> HasImagesResponse:
        held = [d for d in request.digests if d in self._blobs or self._also_held(d)]
        return HasImagesResponse(digests=held)

    async def GetImage(
        self, request: GetImageRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[GetImageResponse]:
        data = self._blobs.get(request.digest)
        if data is None:
            await abort(context, NotFound.field("digest", "not held here (any more)"))
        yield GetImageResponse(header=ImageHeader(digest=request.digest, size_bytes=len(data)))
        for start in range(0, len(data), CHUNK_BYTES):
            yield GetImageResponse(chunk=data[start : start + CHUNK_BYTES])

    async def _receive(self, parts: AsyncIterator[PutImageRequest]) -> tuple[str, bytes]:
        header: ImageHeader | None = None
        data = bytearray()
        async for part in parts:
            if header is None:
                header = _checked_header(part, self._blobs.max_bytes)
                continue
            if part.HasField("header"):
                raise InvalidRequest.field("header", "must come once")
            data += part.chunk
            if len(data) > header.size_bytes:
                raise InvalidRequest.field(
                    "chunk", f"more bytes than the header's size_bytes ({header.size_bytes})"
                )
        if header is None:
            raise InvalidRequest.field("header", "must come first")
        if len(data) != header.size_bytes:
            raise InvalidRequest.field(
                "header.size_bytes", f"says {header.size_bytes}, but {len(data)} bytes came"
            )
        if digest_of(data) != header.digest:
            raise InvalidRequest.field(
                "header.digest", "is not the lower-case hexadecimal sha256 of the bytes that came"
            )
        return header.digest, bytes(data)


async def put_image(
    stub: ImageStoreServiceAsyncStub,
    digest: str,
    data: bytes,
    *,
    timeout_s: float | None,
    **call: Any,
) -> None:
    """Send an encoded image to a store in chunks. Raises: grpc.aio.AioRpcError."""

    async def parts() -> AsyncIterator[PutImageRequest]:
        yield PutImageRequest(header=ImageHeader(digest=digest, size_bytes=len(data)))
        for start in range(0, len(data), CHUNK_BYTES):
            yield PutImageRequest(chunk=data[start : start + CHUNK_BYTES])

    await stub.PutImage(parts(), timeout=timeout_s, **call)


async def get_image(
    stub: ImageStoreServiceAsyncStub, digest: str, *, timeout_s: float | None, **call: Any
) -> bytes:
    """Fetch an encoded image from a store.

    Raises: grpc.aio.AioRpcError; NotFound, when what came is not what was asked for.
    """
    data = bytearray()
    request = GetImageRequest(digest=digest)
    async for part in stub.GetImage(request, timeout=timeout_s, **call):
        data += part.chunk
    if digest_of(data) != digest:
        raise NotFound.field("digest", "the store sent other bytes than that digest's")
    return bytes(data)


def _checked_header(part: PutImageRequest, max_bytes: int) -> ImageHeader:
    if not part.HasField("header"):
        raise InvalidRequest.field("header", "must come first")
    if part.header.size_bytes > max_bytes:
        raise TooLarge.field(
            "header.size_bytes", f"{part.header.size_bytes} is over the limit of {max_bytes} bytes"
        )
    return part.header
