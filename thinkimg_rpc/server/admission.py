"""What is done with a call before it is known whether anything has to be computed for it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
from google.protobuf.message import Message

from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.parts import find_messages
from thinkimg_rpc.rules import check
from thinkimg_rpc.tool import Call, Clock, Tool
from thinkimg_rpc.v1 import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from thinkimg_rpc.contract import ToolContract
    from thinkimg_rpc.server.images import WorkerImages
    from thinkimg_rpc.tool import Pixels
    from thinkimg_rpc.v1 import ImageFormat, ResultImage

_WHAT_CHANGES_ANSWERS = ("weights", "precision", "quantization", "endpoint", "endpoint_model")


class CallImages:
    """A worker's images, as one call has them for as long as it takes.

    Those it brought it has although the worker's cache may be too small to keep
    them; those it holds stay decoded.
    """

    def __init__(self, images: WorkerImages, brought: Mapping[str, bytes]) -> None:
        self._images = images
        self.brought = brought
        """Encoded, by digest."""
        self._held: dict[str, Pixels] = {}

    def pixels(self, image: Image, clock: Clock) -> Pixels:
        """As `WorkerImages.pixels`; the image is named by digest."""
        held = self._held.get(image.digest)
        if held is not None:
            return held
        data = self.brought.get(image.digest)
        if data is not None:
            return self._images.decoded.decode(image.digest, data)
        return self._images.pixels(image, clock)

    def reply(self, pixels: Pixels, image_format: ImageFormat.ValueType) -> ResultImage:
        return self._images.reply(pixels, image_format)

    def hold(self, images: Iterable[Image], call: Call) -> None:
        """Hold these images, decoded. Raises: InvalidRequest; ImageNotCached."""
        for image in images:
            self._held[image.digest] = call.image(image)

    def hold_at_once(self, images: Iterable[Image]) -> bool:
        """Hold these images, if the worker has all of them decoded already."""
        for image in images:
            pixels = self._images.decoded.get(image.digest)
            if pixels is None:
                return False
            self._held[image.digest] = pixels
        return True


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that keeps the rules, with its images named by digest."""

    request: Message
    key: bytes
    """Equal for requests that ask the same of the same tool, version and backend."""
    images: CallImages

    @property
    def brought_images(self) -> bool:
        """Whether some of its images came as bytes."""
        return bool(self.images.brought)


class Admission:
    """Admits the calls of one tool that is set up."""

    def __init__(self, tool: Tool[Any, Any], contract: ToolContract, images: WorkerImages) -> None:
        self._images = images
        self._scope = _scope_of(tool, contract)
        self.images_in = find_messages(contract.request, Image.DESCRIPTOR.full_name)
        """The images of a request."""

    def admit_at_once(self, request: Message) -> Admitted | None:
        """Admit a request; None if it takes a thread, because it brings images.

        Raises: InvalidRequest, when it breaks a rule.
        """
        check(request)
        if any(image.WhichOneof("source") == "data" for image in self.images_in(request)):
            return None
        return self._admitted(request, {})

    def admit(self, request: Message, clock: Clock, on_upload: Callable[[], None]) -> Admitted:
        """Admit a request that may bring images: they are decoded, so in a thread.

        They are in the worker's cache from then on, as far as it has room, and
        `on_upload` is called. What is no image is refused, whether the tool would
        look at it or not.

        Raises: InvalidRequest.
        """
        check(request)
        call = Call(request, self._images, clock, on_upload)
        brought: dict[str, bytes] = {}
        for image in self.images_in(request):
            if image.WhichOneof("source") == "data":
                call.image(image)
                data = image.data
                # In place: the request is this worker's own copy.
                image.digest = digest_of(data)
                brought[image.digest] = data
        return self._admitted(request, brought)

    def _admitted(self, request: Message, brought: Mapping[str, bytes]) -> Admitted:
        canonical = request.SerializeToString(deterministic=True)
        key = sha256(self._scope + canonical).digest()
        return Admitted(request, key, CallImages(self._images, brought))


def _scope_of(tool: Tool[Any, Any], contract: ToolContract) -> bytes:
    """What tells a tool's answers from those of others, of a fixed length."""
    parts = [contract.method, tool.version, tool.backend]
    if tool.backends:
        # Where there is a choice, two that go by one name may still compute with other weights.
        parts += [getattr(tool.settings, name) for name in _WHAT_CHANGES_ANSWERS]
    return sha256(msgspec.json.encode(parts)).digest()
