"""One call: choose a worker, upload what it lacks, try again where it is the mesh's fault."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message

from thinkimg_rpc.blobs import LARGE_BYTES, get_image, put_image
from thinkimg_rpc.channel import IMAGES_HELD, call_metadata
from thinkimg_rpc.client.attempts import FAULTS_OF_ONE_CALL, Attempts
from thinkimg_rpc.client.directory import Directory
from thinkimg_rpc.client.endpoint import Endpoint
from thinkimg_rpc.client.images import ClientImages, digests_in
from thinkimg_rpc.client.streams import StreamBroken
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import (
    DeadlineExceeded,
    ImageNotCached,
    InvalidRequest,
    MeshFault,
    NotFound,
    ThinkImgError,
    Unavailable,
)
from thinkimg_rpc.status import from_rpc_error

LARGEST_INLINE_BYTES = 16 << 20
"""An image that a worker's store keeps losing goes along in the request up to this size:
half of what a worker takes if nobody has set another limit."""
LONGEST_S = 1e8
"""Three years: gRPC counts nanoseconds, and takes what overflows for the past."""
LARGEST_ITEM_BYTES = 1 << 20
"""Larger requests go as unary calls: on a stream they would hold up the others, and
one over the worker's limit would end the stream for all of them."""


class Caller:
    """Sends requests to the workers of a mesh."""

    def __init__(self, directory: Directory, images: ClientImages, *, token: str) -> None:
        self._directory = directory
        self._holdings = directory.holdings
        self._images = images
        self._metadata = call_metadata(token)

    async def call(
        self,
        contract: ToolContract,
        request: Message,
        timeout_s: float,
    ) -> Any:
        """The tool's response.

        Raises: CallerError at once; MeshFault when it stays until the deadline.
        """
        deadline = time.monotonic() + _checked(timeout_s)
        request, own = self._images.by_digest(request)
        call = _Call(contract, request, digests_in(request), own, deadline)
        attempt = Attempts(deadline)
        while True:
            endpoint = self._directory.choose(contract.name, call.digests, attempt.tried)
            if endpoint is None:
                await self._pause(contract, attempt)
                continue
            try:
                # Lost twice, an image may be lost again between its upload and the call.
                return await self._send(endpoint, call, inline_all=attempt.images_lost > 1)
            except ImageNotCached:
                for digest in call.digests:
                    self._holdings.lost(digest, endpoint)
                if not self._can_resend(call, attempt):
                    raise
            except MeshFault as fault:
                await attempt.note(fault, endpoint)

    async def call_at(
        self, worker: str, contract: ToolContract, request: Message, timeout_s: float
    ) -> Any:
        """What one worker, by its id, answers to a single attempt, sent with its images.

        Raises: CallerError; MeshFault.
        """
        deadline = time.monotonic() + _checked(timeout_s)
        hosts = self._directory.hosts(contract.name)
        endpoint = next((host for host in hosts if host.id == worker), None)
        if endpoint is None:
            raise Unavailable(f"no worker {worker} serves {contract.name} right now")
        request, own = self._images.by_digest(request)
        call = _Call(contract, request, digests_in(request), own, deadline)
        return await self._send(endpoint, call, inline_all=True)

    def _can_resend(self, call: _Call, attempt: Attempts) -> bool:
        """Whether the bytes of images that a worker has evicted are still here."""
        attempt.images_lost += 1
        here = any(self._data(call, digest) is not None for digest in call.digests)
        return here and attempt.images_lost < FAULTS_OF_ONE_CALL

    def _data(self, call: _Call, digest: str) -> bytes | None:
        own = call.own.get(digest)
        return self._images.data(digest) if own is None else own

    async def _send(self, endpoint: Endpoint, call: _Call, *, inline_all: bool) -> Any:
        endpoint.in_flight += 1
        try:
            inline = await self._upload(endpoint, call, inline_all=inline_all)
            if inline:
                response = await self._unary_with_data(endpoint, call, inline)
            else:
                response = await self._streamed(endpoint, call)
            for digest in call.digests:
                self._holdings.note(digest, endpoint)
            await self._take_results(endpoint, response, call.deadline)
            return response
        except grpc.aio.AioRpcError as failure:
            raise _attempt_error(failure) from failure
        except TimeoutError as late:
            raise DeadlineExceeded("the deadline passed while an image was on its way") from late
        finally:
            endpoint.in_flight -= 1

    async def _streamed(self, endpoint: Endpoint, call: _Call) -> Any:
        """Over the tool's open stream where that will do, as a unary call where not."""
        stream = endpoint.stream(call.contract, self._metadata)
        if stream is not None and call.request.ByteSize() <= LARGEST_ITEM_BYTES:
            # When it breaks, another call's item may have broken it (an answer over our
            # limit, say). A call of its own gets the status that is its own.
            with suppress(StreamBroken):
                return await stream.call(call.request, call.remaining_s)
        unary = endpoint.unary(call.contract)
        return await unary(call.request, timeout=call.remaining_s, metadata=self._metadata)

    async def _upload(
        self, endpoint: Endpoint, call: _Call, *, inline_all: bool
    ) -> dict[str, bytes]:
        """Make sure of the images the worker lacks.

        Large ones are put into its store first. Returns those whose bytes go along
        in the request. An image another call is uploading is waited for, and what
        the worker has is not sent again, unless `inline_all`.
        """
        inline: dict[str, bytes] = {}
        for digest in call.digests:
            while not inline_all and (upload := endpoint.uploads.get(digest)) is not None:
                async with asyncio.timeout(max(0.0, call.remaining_s)):
                    await asyncio.shield(upload)
            if not inline_all and self._holdings.has(digest, endpoint):
                continue
            data = self._data(call, digest)
            if data is None:
                continue  # it may have come from elsewhere: the worker asks the front door
            if len(data) > (LARGEST_INLINE_BYTES if inline_all else LARGE_BYTES):
                await self._put(endpoint, digest, data, call.deadline)
            else:
                inline[digest] = data
        return inline

    async def _put(self, endpoint: Endpoint, digest: str, data: bytes, deadline: float) -> None:
        with _Upload(endpoint, {digest}):
            await put_image(
                endpoint.images,
                digest,
                data,
                timeout_s=deadline - time.monotonic(),
                metadata=self._metadata,
            )
            self._holdings.note(digest, endpoint)

    async def _unary_with_data(
        self,
        endpoint: Endpoint,
        call: _Call,
        inline: Mapping[str, bytes],
    ) -> Any:
        carrying = self._images.with_data(call.request, inline)
        with _Upload(endpoint, inline) as upload:
            answer = endpoint.unary_with_headers(call.contract)(
                carrying, timeout=call.remaining_s, metadata=self._metadata
            )
            # Headers come once the worker has decoded the images: calls that wait for
            # them can go on while the tool runs. A call that failed has others.
            if IMAGES_HELD in await answer.initial_metadata():
                for digest in inline:
                    self._holdings.note(digest, endpoint)
                upload.settle()
            (response,) = [message async for message in answer]
            return response

    async def _take_results(self, endpoint: Endpoint, response: Message, deadline: float) -> None:
        for result in self._images.keep_results(response):
            self._holdings.note(result.digest, endpoint)
            if result.HasField("data") or not result.digest:
                continue
            try:
                result.data = await get_image(
                    endpoint.images,
                    result.digest,
                    timeout_s=deadline - time.monotonic(),
                    metadata=self._metadata,
                )
            except NotFound as error:
                raise Unavailable(error.message) from error
            except grpc.aio.AioRpcError as failure:
                if failure.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
                # The digest is the worker's own word, so this is no fault of the caller's.
                raise Unavailable("the worker has evicted its result already") from failure
            self._images.remember(result.data)

    async def _pause(self, contract: ToolContract, attempt: Attempts) -> None:
        """Every worker has been tried, or there is none: wait, then begin again."""
        known = bool(self._directory.hosts(contract.name))
        attempt.last = attempt.last or Unavailable(f"no worker serves {contract.name} right now")
        pause_s = attempt.next_pause_s()
        if known:
            await asyncio.sleep(pause_s)
        else:
            await self._directory.wait_for_change(pause_s)
        attempt.tried.clear()


@dataclass(frozen=True)
class _Call:
    """One call, whatever worker it goes to."""

    contract: ToolContract
    request: Message
    """With its images named by digest."""
    digests: list[str]
    own: Mapping[str, bytes]
    """The images that came with the request as bytes."""
    deadline: float

    @property
    def remaining_s(self) -> float:
        return self.deadline - time.monotonic()


class _Upload:
    """Marks images as on their way to a worker, so that no second call sends them too."""

    def __init__(self, endpoint: Endpoint, digests: Iterable[str]) -> None:
        self._endpoint = endpoint
        self._digests = tuple(digests)
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def __enter__(self) -> _Upload:
        self._endpoint.uploads.update(dict.fromkeys(self._digests, self._done))
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.settle()

    def settle(self) -> None:
        """Let those who wait go on: the worker has the images, or will not get them."""
        if not self._done.done():
            for digest in self._digests:
                if self._endpoint.uploads.get(digest) is self._done:
                    del self._endpoint.uploads[digest]
            self._done.set_result(None)


def _attempt_error(failure: grpc.aio.AioRpcError) -> ThinkImgError:
    if failure.code() is grpc.StatusCode.CANCELLED:
        # We did not cancel (that raises CancelledError): the worker stopped in the middle.
        return Unavailable(failure.details() or "the worker stopped")
    return from_rpc_error(failure)


def _checked(timeout_s: float) -> float:
    if not (math.isfinite(timeout_s) and timeout_s > 0):
        raise InvalidRequest.field(
            "timeout_s", f"must be a finite number of seconds above 0; got {timeout_s!r}"
        )
    return min(timeout_s, LONGEST_S)
