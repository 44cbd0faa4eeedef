"""Carrying out the calls of one turn: side by side, and observed in the order asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from google.protobuf.message import Message as Protobuf

from thinkimg_agent.coordinates import CoordinateSpace, View, arguments_in_pixels
from thinkimg_agent.images import EpisodeImage, EpisodeImages
from thinkimg_agent.observation import describe, describe_error, result_images
from thinkimg_agent.reply import WrittenCall
from thinkimg_agent.trajectory import CallRecord
from thinkimg_rpc.arguments import arguments_of, build_request, response_json
from thinkimg_rpc.arguments.reading import read_arguments
from thinkimg_rpc.contract import ToolContract, unknown_tool
from thinkimg_rpc.contract.options import is_image
from thinkimg_rpc.errors import (
    CallerError,
    InternalFault,
    InvalidRequest,
    MeshFault,
    NotFound,
    OutOfRange,
    TooLarge,
    UnknownTool,
)
from thinkimg_rpc.imaging.codec import InvalidImage
from thinkimg_rpc.parts import find_messages
from thinkimg_rpc.v1 import Image

_OF_THE_MODEL = (InvalidRequest, NotFound, OutOfRange, TooLarge)
"""What a model can mend. The other errors of a caller are this program's own: a missing
token, say."""


class ImageTools(Protocol):
    """What an episode needs of a `thinkimg_rpc.client.Mesh`."""

    def image(self, data: bytes) -> Image: ...

    def image_data(self, digest: str) -> bytes | None: ...

    async def send(self, request: Protobuf, *, timeout_s: float | None = None) -> Any: ...


@dataclass(frozen=True)
class Observed:
    """A call that was carried out, and the images it added to the episode."""

    record: CallRecord
    images: tuple[EpisodeImage, ...]


class ToolCaller:
    """Calls the tools of one episode."""

    def __init__(
        self,
        mesh: ImageTools,
        contracts: Sequence[ToolContract],
        images: EpisodeImages,
        space: CoordinateSpace,
        *,
        timeout_s: float,
    ) -> None:
        self._mesh = mesh
        self._contracts = {name: c for c in contracts for name in (c.name, *c.aliases)}
        self._offered = [contract.name for contract in contracts]
        self._images = images
        self._space = space
        self._timeout_s = timeout_s

    async def call_all(self, calls: Sequence[WrittenCall]) -> list[Observed]:
        """Carry out the calls of one turn at once; what they lead to, in the order asked.

        What the caller got wrong is part of what is observed. Raises: MeshFault, and
        then nothing is observed of any of them.
        """
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._answer(call)) for call in calls]
        except* MeshFault as faults:
            raise faults.exceptions[0] from None
        # Numbered here, so that names follow the order asked and not who was fastest.
        return [await self._observe(*task.result()) for task in tasks]

    async def _answer(self, call: WrittenCall) -> tuple[CallRecord, Protobuf | None]:
        record = CallRecord(name=call.name, arguments=call.arguments, call_id=call.id)
        started = time.perf_counter()
        response: Protobuf | None = None
        try:
            request = await self._at_hand(self._request(call, record))
            response = await self._mesh.send(request, timeout_s=self._timeout_s)
        except CallerError as error:
            if not isinstance(error, _OF_THE_MODEL):
                raise InternalFault(f"{record.tool}: {error.message}") from error
            record.error = error.message
            record.observation = describe_error(error)
        record.seconds = time.perf_counter() - started
        return record, response

    def _request(self, call: WrittenCall, record: CallRecord) -> Protobuf:
        contract = self._contracts.get(call.name)
        if contract is None:
            if not self._offered:
                raise UnknownTool("there are no tools here: answer without them")
            raise unknown_tool(call.name, self._offered)
        record.tool = contract.name
        arguments, unreadable = read_arguments(call.arguments)
        if unreadable:
            raise InvalidRequest.fields(unreadable)
        if (image := self._image_of(contract, arguments)) is not None:
            record.image = image.name
            arguments, outside = arguments_in_pixels(
                contract.request, arguments, self._space, image.view
            )
            if outside:
                raise InvalidRequest.fields(outside)
        named = {image.name: Image(digest=image.digest) for image in self._images}
        request = build_request(contract, arguments, named)
        record.request = arguments_of(request)
        return request

    async def _at_hand(self, request: Protobuf) -> Protobuf:
        """The request, once the client holds the images it names (again).

        Its memory is bounded, and other episodes' images may have taken the place.
        """
        for place in find_messages(request.DESCRIPTOR, Image.DESCRIPTOR.full_name)(request):
            if self._mesh.image_data(place.digest) is not None:
                continue
            data = next(one.data for one in self._images if one.digest == place.digest)
            # In a thread, for the digest of a large photograph.
            await asyncio.to_thread(self._mesh.image, data)
            if self._mesh.image_data(place.digest) is None:
                place.data = data  # it does not fit into that memory at all
        return request

    def _image_of(
        self, contract: ToolContract, arguments: Mapping[str, Any]
    ) -> EpisodeImage | None:
        """The image a call is about, which its coordinates refer to."""
        for field in contract.request.fields:
            if is_image(field.message_type) and not field.is_repeated:
                name = arguments.get(field.name)
                return self._images.named(name) if isinstance(name, str) else self._images.only()
        return None

    async def _observe(self, record: CallRecord, response: Protobuf | None) -> Observed:
        if response is None:
            return Observed(record, ())
        try:
            added = tuple([await self._images.add(one.data) for one in result_images(response)])
        except InvalidImage as error:
            raise InternalFault(f"{record.tool} returned no image: {error}") from error
        names = {image.digest: image.name for image in added}
        # Hundreds of words that OCR has read take tens of milliseconds to put down.
        record.response, record.observation = await asyncio.to_thread(
            _put_down, response, self._space, self._view_of(record), names
        )
        return Observed(record, added)

    def _view_of(self, record: CallRecord) -> View | None:
        image = self._images.named(record.image)
        return image.view if image is not None else None


def _put_down(
    response: Protobuf, space: CoordinateSpace, view: View | None, names: Mapping[str, str]
) -> tuple[dict[str, Any], str]:
    return response_json(response), describe(response, space, view, names)
