"""What is done with a call before it is known whether anything has to be computed for it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
from google.protobuf.message import Message

from thinkimg_rpc.parts import find_messages
from thinkimg_rpc.rules import check
from thinkimg_rpc.tool import Call, Clock, Tool
from thinkimg_rpc.v1 import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from thinkimg_rpc.contract import ToolContract
    from thinkimg_rpc.server.images import WorkerImages
    from thinkimg_rpc.tool import Pixels
    from thinkimg_rpc.v1 import ImageFormat, ResultImage

_WHAT_CHANGES_ANSWERS = ("weights", "precision", "quantization", "endpoint", "endpoint_model")


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that keeps the rules, with its images named by digest."""

    request: Message
    key: bytes
    """Equal for requests that ask the same of the same tool, version and backend."""
    images: HeldImages
    brought_images: bool
    """Whether some of its images came as bytes."""


class HeldImages:
    """A worker's images, some of which a call holds for as long as it takes."""

    def __init__(self, images: WorkerImages, held: Mapping[str, Pixels]) -> None:
        self._images = images
        self._held = held

    def pixels(self, image: Image, clock: Clock) -> Pixels:
        """As `WorkerImages.pixels`, but what is held cannot have been evicted."""
        held = self._held.get(image.digest)
        return self._images.pixels(image, clock) if held is None else held

    def reply(self, pixels: Pixels, image_format: ImageFormat.ValueType) -> ResultImage:
        return self._images.reply(pixels, image_format)


class Admission:
    """Admits the calls of one tool that is set up."""

    def __init__(
        self, tool: Tool[Any, Any], contract: ToolContract, images: WorkerImages, *, holds_all: bool
    ) -> None:
        self._images = images
        self._holds_all = holds_all
        self._find_images = find_messages(contract.request, Image.DESCRIPTOR.full_name)
        self._scope = _scope_of(tool, contract)

    def admit_at_once(self, request: Message) -> Admitted | None:
        """Admit a request whose images are here already; None if it takes a thread.

        Raises: InvalidRequest, when it breaks a rule.
        """
        check(request)
        held: dict[str, Pixels] = {}
        for image in self._find_images(request):
            if image.WhichOneof("source") == "data":
                return None
            if self._holds_all:
                pixels = self._images.decoded.get(image.digest)
                if pixels is None:
                    return None
                held[image.digest] = pixels
        return self._admitted(request, held, brought_images=False)

    def admit(self, request: Message, clock: Clock, on_upload: Callable[[], None]) -> Admitted:
        """Admit a request: in a thread, because images are decoded, or fetched.

        Images that came as bytes are in the worker's cache from then on, as far as
        it has room, and `on_upload` is called. What is no image is refused, whether
        the tool would look at it or not.

        Raises: InvalidRequest; ImageNotCached.
        """
        check(request)
        call = Call(request, self._images, clock, on_upload)
        held: dict[str, Pixels] = {}
        brought = False
        for image in self._find_images(request):
            as_bytes = image.WhichOneof("source") == "data"
            if as_bytes or self._holds_all:
                pixels = call.image(image)
                digest = call.image_digest(image)
                held[digest] = pixels
            if as_bytes:
                # In place: the request is this worker's own copy.
                image.digest = digest
                brought = True
        return self._admitted(request, held, brought_images=brought)

    def _admitted(
        self, request: Message, held: Mapping[str, Pixels], *, brought_images: bool
    ) -> Admitted:
        canonical = request.SerializeToString(deterministic=True)
        key = sha256(self._scope + canonical).digest()
        return Admitted(request, key, HeldImages(self._images, held), brought_images)


def _scope_of(tool: Tool[Any, Any], contract: ToolContract) -> bytes:
    """What tells a tool's answers from those of others, of a fixed length."""
    parts = [contract.method, tool.version, tool.backend]
    if tool.backends:
        # Where there is a choice, two that go by one name may still compute with other weights.
        parts += [getattr(tool.settings, name) for name in _WHAT_CHANGES_ANSWERS]
    return sha256(msgspec.json.encode(parts)).digest()
