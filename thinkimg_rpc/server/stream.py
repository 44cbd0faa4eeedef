"""A tool's bidirectional method: many calls over one stream, answered as each is ready.

An item costs no task of its own: reading submits it to the queue, its future's
callback puts the answer into the outbox, and one task writes the outbox out.
With gRPC's own per-call work gone as well, an item costs a fourth of a unary call.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any

import grpc.aio
from google.protobuf.message import DecodeError, Message

from thinkimg_rpc.errors import (
    Cancelled,
    DeadlineExceeded,
    InvalidRequest,
    ThinkImgError,
    to_status,
)
from thinkimg_rpc.server.method import ToolMethod
from thinkimg_rpc.server.provenance import nested

UNANSWERED = 1024
"""Items taken from one stream whose answers the client has not read yet."""
EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]
"""What reading gives when the client has closed its side."""


class ToolStream:
    """One open stream of one tool."""

    def __init__(self, method: ToolMethod, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        self._method = method
        self._context = context
        self._item_class: Any = method.contract.stream_request_class
        answer_class: Any = method.contract.stream_response_class
        self._answer_class = answer_class
        self._response_field: int = answer_class.DESCRIPTOR.fields_by_name["response"].number
        self._in_flight: dict[str, asyncio.Future[bytes]] = {}
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._room = asyncio.Semaphore(UNANSWERED)

    async def serve(self) -> None:
        """Read items until the client closes its side, then finish those in flight."""
        writing = asyncio.create_task(self._write_answers())
        try:
            while (raw := await self._context.read()) is not EOF:
                await self._room.acquire()
                self._take(raw)
            await asyncio.gather(*self._in_flight.values(), return_exceptions=True)
            await self._outbox.join()
        finally:
            # The client is gone if anything is left: nobody waits for it.
            for future in list(self._in_flight.values()):
                future.cancel()
            writing.cancel()

    def _take(self, raw: bytes) -> None:
        """Begin with one item. Each but a cancel puts exactly one answer into the outbox."""
        try:
            item = self._item_class.FromString(raw)
        except DecodeError:
            name = self._item_class.DESCRIPTOR.full_name
            self._fail("", InvalidRequest(f"the bytes are not a {name} message"))
            return
        request_id = item.request_id
        if item.WhichOneof("item") == "cancel":
            self._room.release()
            if request_id in self._in_flight:
                self._in_flight[request_id].cancel()
        elif (wrong := self._wrong_with(item)) is not None:
            self._fail(request_id, wrong)
        else:
            try:
                self._submit(request_id, item.request, len(raw), item.timeout_s)
            except ThinkImgError as error:
                self._fail(request_id, error)

    def _wrong_with(self, item: Any) -> ThinkImgError | None:
        if item.WhichOneof("item") is None:
            return InvalidRequest.field("item", "required; give a request or a cancel")
        if not item.request_id:
            return InvalidRequest.field("request_id", "required; any text, unique on this stream")
        if item.request_id in self._in_flight:
            return InvalidRequest.field("request_id", "is in flight on this stream already")
        if not (math.isfinite(item.timeout_s) and item.timeout_s >= 0):
            return InvalidRequest.field("timeout_s", "must be finite seconds, 0 or more")
        return None

    def _submit(self, request_id: str, request: Message, nbytes: int, timeout_s: float) -> None:
        def frame(response: bytes, signature: bytes) -> bytes:
            # Put together on the wire's level: a response may carry images, and this
            # way they are copied once.
            head = self._answer_class(request_id=request_id).SerializeToString()
            before = nested(self._response_field, len(response) + len(signature))
            return b"".join((head, before, response, signature))

        remaining_s = timeout_s or self._context.time_remaining()
        deadline = None if remaining_s is None else time.monotonic() + remaining_s
        future = self._method.submit(lambda: request, nbytes, frame, deadline)
        self._in_flight[request_id] = future
        stop_timer = _expire_after(timeout_s, future)

        def settle(_: object) -> None:
            stop_timer()
            del self._in_flight[request_id]
            self._answer(request_id, future)

        future.add_done_callback(settle)

    def _answer(self, request_id: str, future: asyncio.Future[bytes]) -> None:
        if future.cancelled():
            self._fail(request_id, Cancelled("the item was cancelled"))
        elif isinstance(error := future.exception(), ThinkImgError):
            self._fail(request_id, error)
        else:
            self._outbox.put_nowait(future.result())

    def _fail(self, request_id: str, error: ThinkImgError) -> None:
        answer = self._answer_class(request_id=request_id)
        answer.error.CopyFrom(to_status(error))
        self._outbox.put_nowait(answer.SerializeToString())

    async def _write_answers(self) -> None:
        # One writer: two writes at once on one call kill it (grpc.aio answers INTERNAL).
        while True:
            raw = await self._outbox.get()
            await self._context.write(raw)
            self._outbox.task_done()
            self._room.release()


def _expire_after(timeout_s: float, future: asyncio.Future[bytes]) -> Callable[[], None]:
    """Fail an item whose tool is still running when its time is up. Returns how to stop that."""
    if not timeout_s:
        return lambda: None

    def expire() -> None:
        if not future.done():
            future.set_exception(DeadlineExceeded("no answer within the item's timeout_s"))

    return asyncio.get_running_loop().call_later(timeout_s, expire).cancel
