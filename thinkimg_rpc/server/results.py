"""Answers that a worker keeps, so that a call made before costs a look-up."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from google.protobuf.message import DecodeError, Message

from thinkimg_rpc.parts import find_messages
from thinkimg_rpc.v1 import ResultImage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thinkimg_rpc.contract import ToolContract
    from thinkimg_rpc.server.disk_results import DiskResults
    from thinkimg_rpc.server.images import WorkerImages

OVERHEAD_BYTES = 400
"""What an answer takes beside its bytes: the key, the entry, the objects around them."""


class Kept(NamedTuple):
    """A serialized response, and the images that it names by digest."""

    response: bytes
    inline: tuple[str, ...] = ()
    """Digests of images whose bytes are in the response."""
    apart: tuple[str, ...] = ()
    """Digests of images that were too large for it: see `blobs.LARGE_BYTES`."""

    @classmethod
    def of(cls, response: Message) -> Kept:
        """What to keep of a response. Raises: EncodeError, TypeError: it is none."""
        images = list(_result_images(response))
        return cls(
            response.SerializeToString(),
            tuple(image.digest for image in images if image.HasField("data")),
            tuple(image.digest for image in images if not image.HasField("data")),
        )


class ResultMemory:
    """Answers by key, bounded in bytes, the least recently used going first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[bytes, Kept] = OrderedDict()
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: bytes) -> Kept | None:
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def put(self, key: bytes, kept: Kept) -> None:
        """Keep an answer. What is larger than the whole memory is not kept."""
        self.drop(key)
        size = _size_of(kept)
        if size > self._max_bytes:
            return
        self._kept[key] = kept
        self.nbytes += size
        while self.nbytes > self._max_bytes:
            self.nbytes -= _size_of(self._kept.popitem(last=False)[1])

    def drop(self, key: bytes) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.nbytes -= _size_of(kept)


class Results:
    """The answers of one worker's tools: in memory, and on disk if asked for.

    Used in the event loop. An answer counts as kept only as long as the images it
    names are within the caller's reach: inline, or held by this worker.
    """

    def __init__(
        self, memory: ResultMemory, disk: DiskResults | None, images: WorkerImages
    ) -> None:
        self._memory = memory
        self._disk = disk
        self._images = images

    def find(self, key: bytes, contract: ToolContract) -> bytes | None:
        """The response kept in memory."""
        kept = self._memory.get(key)
        return None if kept is None else self._usable(key, kept, contract)

    async def fetch(self, key: bytes, contract: ToolContract) -> bytes | None:
        """The response kept on disk, by this process or another; it is in memory then."""
        response = None if self._disk is None else await self._disk.get(key)
        if response is None:
            return None
        try:
            kept = Kept.of(contract.response_class.FromString(response))
        except DecodeError:
            return None  # what is broken is as good as not there
        self._memory.put(key, kept)
        return self._usable(key, kept, contract)

    def keep(self, key: bytes, kept: Kept) -> None:
        self._memory.put(key, kept)
        # What has images apart is of no use once this process and its images are gone.
        if self._disk is not None and not kept.apart:
            self._disk.put(key, kept.response)

    def _usable(self, key: bytes, kept: Kept, contract: ToolContract) -> bytes | None:
        if not all(map(self._images.holds, kept.apart)):
            self._memory.drop(key)
            return None
        if not all(map(self._images.holds, kept.inline)):
            # As after a fresh answer, a further call may name its images by digest.
            for image in _result_images(contract.response_class.FromString(kept.response)):
                if image.HasField("data"):
                    self._images.blobs.put(image.digest, image.data)
        return kept.response


def _size_of(kept: Kept) -> int:
    return len(kept.response) + OVERHEAD_BYTES


def _result_images(response: Message) -> Iterator[ResultImage]:
    return find_messages(response.DESCRIPTOR, ResultImage.DESCRIPTOR.full_name)(response)
