"""Calls over tools' bidirectional methods: one stream for each worker in use."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import grpc.aio
from google.protobuf.message import Message

from thinkimg_rpc.channel import call_metadata
from thinkimg_rpc.client.calls import Received
from thinkimg_rpc.client.endpoint import Endpoint
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import DeadlineExceeded, ThinkImgError, Unavailable, from_status
from thinkimg_rpc.status import from_rpc_error

LATE_S = 0.5
"""A worker answers an item itself when its time is up; this long after, it is given up."""


class Streams:
    """The streams of one `Mesh.stream`, opened as workers are chosen."""

    def __init__(self, *, token: str) -> None:
        self._metadata = call_metadata(token)
        self._open: dict[str, _Stream] = {}

    async def call(
        self,
        endpoint: Endpoint,
        contract: ToolContract,
        request: Message,
        remaining_s: float,
        received: Received | None,
    ) -> Any:
        """Send one request over the worker's stream. A `calls.Transport`."""
        stream = self._open.get(endpoint.id)
        if stream is None or stream.broken:
            stream = self._open[endpoint.id] = _Stream(endpoint, contract, self._metadata)
        response = await stream.call(request, remaining_s)
        if received is not None:
            received()
        return response

    async def close(self) -> None:
        await asyncio.gather(*(stream.close() for stream in self._open.values()))


class _Stream:
    """One worker's stream: items out, answers matched to who waits for them."""

    def __init__(
        self, endpoint: Endpoint, contract: ToolContract, metadata: tuple[tuple[str, str], ...]
    ) -> None:
        self._call = endpoint.stream(contract)(metadata=metadata)
        self._item_class: Any = contract.stream_request_class
        self._ids = map(str, itertools.count(1))
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        # Two writes at once on one call kill it.
        self._writing = asyncio.Lock()
        self._reading = asyncio.create_task(self._read())
        self.broken = False

    async def call(self, request: Message, remaining_s: float) -> Any:
        item = self._item_class(request_id=next(self._ids), timeout_s=max(remaining_s, 1e-3))
        item.request.CopyFrom(request)
        answer = self._waiting[item.request_id] = asyncio.get_running_loop().create_future()
        try:
            await self._write(item)
            async with asyncio.timeout(remaining_s + LATE_S):
                return await answer
        except TimeoutError as late:
            raise DeadlineExceeded("no answer on the stream in time") from late
        except asyncio.CancelledError:
            await asyncio.shield(self._give_up(item.request_id))
            raise
        finally:
            self._waiting.pop(item.request_id, None)

    async def close(self) -> None:
        """End the stream; what is in flight is given up."""
        self._call.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _write(self, item: Message) -> None:
        try:
            async with self._writing:
                await self._call.write(item)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as failure:
            # The status of the broken stream reaches every waiter through `_read`.
            raise Unavailable("the worker's stream broke") from failure

    async def _give_up(self, request_id: str) -> None:
        cancel = self._item_class(request_id=request_id)
        cancel.cancel.SetInParent()
        if not self.broken:
            await self._write(cancel)

    async def _read(self) -> None:
        error: ThinkImgError = Unavailable("the worker ended the stream")
        try:
            async for answer in self._call:
                self._settle(answer)
        except grpc.aio.AioRpcError as failure:
            error = from_rpc_error(failure)
        finally:
            self.broken = True
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(error)

    def _settle(self, answer: Any) -> None:
        waiting = self._waiting.get(answer.request_id)
        if waiting is None or waiting.done():
            return
        if answer.WhichOneof("outcome") == "error":
            waiting.set_exception(from_status(answer.error))
        else:
            waiting.set_result(answer.response)
