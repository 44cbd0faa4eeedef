"""The images a client has in hand: sent to each worker once, named by digest from then on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from google.protobuf.message import Message

from thinkimg_rpc.blobs import BlobStore
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.parts import find_messages
from thinkimg_rpc.v1 import Image, ResultImage

M = TypeVar("M", bound=Message)


class ClientImages:
    """Encoded images by digest, bounded in bytes, the least recently used going first."""

    def __init__(self, max_bytes: int) -> None:
        self._blobs = BlobStore(max_bytes)

    def remember(self, data: bytes) -> Image:
        """Keep an encoded image and return what to put into requests in its place."""
        digest = digest_of(data)
        self._blobs.put(digest, data)
        return Image(digest=digest)

    def data(self, digest: str) -> bytes | None:
        return self._blobs.get(digest)

    def by_digest(self, request: M) -> tuple[M, dict[str, bytes]]:
        """The request with every image named by digest; a copy if one came as bytes.

        With it, the images that came as bytes, by digest: the memory may be too small
        to keep them for as long as the call takes.
        """
        images = find_messages(request.DESCRIPTOR, Image.DESCRIPTOR.full_name)
        if not any(image.WhichOneof("source") == "data" for image in images(request)):
            return request, {}
        own: dict[str, bytes] = {}
        copy = type(request)()
        copy.CopyFrom(request)
        for image in images(copy):
            if image.WhichOneof("source") == "data":
                data = image.data
                image.digest = self.remember(data).digest
                own[image.digest] = data
        return copy, own

    def with_data(self, request: M, inline: Mapping[str, bytes]) -> M:
        """A copy of the request that carries the bytes of the images `inline`, once each."""
        left = dict(inline)
        copy = type(request)()
        copy.CopyFrom(request)
        for image in find_messages(request.DESCRIPTOR, Image.DESCRIPTOR.full_name)(copy):
            if (data := left.pop(image.digest, None)) is not None:
                image.data = data
        return copy

    def keep_results(self, response: Message) -> list[ResultImage]:
        """Remember the images of a response, and return them."""
        results = list(
            find_messages(response.DESCRIPTOR, ResultImage.DESCRIPTOR.full_name)(response)
        )
        for result in results:
            if result.HasField("data"):
                self._blobs.put(result.digest, result.data)
        return results


def digests_in(request: Message) -> list[str]:
    """The digests that a request names, each once, in order."""
    images = find_messages(request.DESCRIPTOR, Image.DESCRIPTOR.full_name)(request)
    return list(dict.fromkeys(image.digest for image in images if image.digest))
