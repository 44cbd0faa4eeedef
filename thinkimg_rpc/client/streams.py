"""Calls over tools' bidirectional methods: one open stream for each tool of each worker.

gRPC's own work for a unary call is three quarters of what a small call costs,
on both sides; an item of a stream that is open already costs a fourth.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import grpc.aio
from google.protobuf.message import Message

from thinkimg_rpc.errors import DeadlineExceeded, Unavailable, from_status

LATE_S = 0.25
"""A worker answers an item itself when its time is up, so that is waited for a little."""


class StreamBroken(Unavailable):
    """The stream ended, whatever for; what was in flight may be sent again."""


class ToolStream:
    """One stream: items out, answers matched to who waits for them."""

    def __init__(self, call: Any, item_class: Any) -> None:
        self._call = call
        self._item_class = item_class
        self._ids = map(str, itertools.count(1))
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._outbox: asyncio.Queue[Any] = asyncio.Queue()
        self._writing = asyncio.create_task(self._write())
        self._reading = asyncio.create_task(self._read())
        self.broken = False

    async def call(self, request: Message, remaining_s: float) -> Any:
        """The response to one request.

        Raises: ThinkImgError, as the worker answered; StreamBroken; DeadlineExceeded.
        """
        item = self._item_class(request_id=next(self._ids), timeout_s=max(remaining_s, 1e-3))
        item.request.CopyFrom(request)
        answer = self._waiting[item.request_id] = asyncio.get_running_loop().create_future()
        self._outbox.put_nowait(item)
        try:
            async with asyncio.timeout(remaining_s + LATE_S):
                return await answer
        except TimeoutError as late:
            raise DeadlineExceeded("no answer in time") from late
        except asyncio.CancelledError:
            self._give_up(item.request_id)
            raise
        finally:
            self._waiting.pop(item.request_id, None)

    async def close(self) -> None:
        """End the stream; what is in flight is given up."""
        self._call.cancel()
        await asyncio.gather(self._reading, self._writing, return_exceptions=True)

    def _give_up(self, request_id: str) -> None:
        cancel = self._item_class(request_id=request_id)
        cancel.cancel.SetInParent()
        self._outbox.put_nowait(cancel)

    async def _write(self) -> None:
        # A task of its own: gRPC ends a call when a write is cancelled, as a caller
        # may be, and also when two writes meet.
        try:
            while True:
                item = await self._outbox.get()
                if item.request_id in self._waiting or item.WhichOneof("item") == "cancel":
                    await self._call.write(item)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # The stream has ended: everybody hears of it through `_read`.
            return
        finally:
            # Without its writer the stream is of no use to anybody.
            self._call.cancel()

    async def _read(self) -> None:
        reason = "the worker ended the stream"
        try:
            async for answer in self._call:
                self._settle(answer)
        except grpc.aio.AioRpcError as failure:
            reason = failure.details() or failure.code().name
        finally:
            self.broken = True
            self._writing.cancel()
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(StreamBroken(reason))

    def _settle(self, answer: Any) -> None:
        waiting = self._waiting.get(answer.request_id)
        if waiting is None or waiting.done():
            return
        if answer.WhichOneof("outcome") == "error":
            waiting.set_exception(from_status(answer.error))
        else:
            waiting.set_result(answer.response)
