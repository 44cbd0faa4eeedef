"""A tool's bidirectional method: many calls over one stream, answered as each is ready."""

from __future__ import annotations

import asyncio
import math
import time
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

EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]
"""What reading gives when the client has closed its side."""


class ToolStream:
    """One open stream of one tool."""

    def __init__(self, method: ToolMethod, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        contract = method.contract
        self._method = method
        self._context = context
        self._item_class: Any = contract.stream_request_class
        self._answer_class: Any = contract.stream_response_class
        self._tasks: dict[str, asyncio.Task[None]] = {}
        # Two writes at once on one call kill it (grpc.aio answers INTERNAL).
        self._writing = asyncio.Lock()

    async def serve(self) -> None:
        """Read items until the client closes its side, then finish those in flight."""
        async with asyncio.TaskGroup() as group:
            while (raw := await self._context.read()) is not EOF:
                try:
                    await self._take(raw, group)
                except ThinkImgError as error:
                    await self._fail("", error)

    async def _take(self, raw: bytes, group: asyncio.TaskGroup) -> None:
        try:
            item = self._item_class.FromString(raw)
        except DecodeError as error:
            raise InvalidRequest(
                f"the bytes are not a {self._item_class.DESCRIPTOR.full_name} message"
            ) from error
        request_id = item.request_id
        if item.WhichOneof("item") == "cancel":
            if request_id in self._tasks:
                self._tasks[request_id].cancel()
            return
        if (wrong := self._wrong_with(item)) is not None:
            await self._fail(request_id, wrong)
            return
        task = group.create_task(self._answer(request_id, item.request, item.timeout_s))
        self._tasks[request_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(request_id, None))

    def _wrong_with(self, item: Any) -> ThinkImgError | None:
        if item.WhichOneof("item") is None:
            return InvalidRequest.field("item", "required; give a request or a cancel")
        if not item.request_id:
            return InvalidRequest.field("request_id", "required; any text, unique on this stream")
        if item.request_id in self._tasks:
            return InvalidRequest.field("request_id", "is in flight on this stream already")
        if not (math.isfinite(item.timeout_s) and item.timeout_s >= 0):
            return InvalidRequest.field("timeout_s", "must be finite seconds, 0 or more")
        return None

    async def _answer(self, request_id: str, request: Message, timeout_s: float) -> None:
        def serialize(response: Message) -> bytes:
            answer = self._answer_class(request_id=request_id)
            answer.response.CopyFrom(response)
            raw: bytes = answer.SerializeToString()
            return raw

        deadline = time.monotonic() + timeout_s if timeout_s else self._stream_deadline()
        try:
            async with asyncio.timeout(timeout_s or None):
                raw = await self._method.run(lambda: request, serialize, deadline)
        except ThinkImgError as error:
            await self._fail(request_id, error)
        except TimeoutError:
            await self._fail(request_id, DeadlineExceeded("no answer within the item's timeout_s"))
        except asyncio.CancelledError:
            if self._context.cancelled():
                raise
            await self._fail(request_id, Cancelled("the item was cancelled"))
        else:
            await self._write(raw)

    def _stream_deadline(self) -> float | None:
        remaining_s = self._context.time_remaining()
        return None if remaining_s is None else time.monotonic() + remaining_s

    async def _fail(self, request_id: str, error: ThinkImgError) -> None:
        answer = self._answer_class(request_id=request_id)
        answer.error.CopyFrom(to_status(error))
        await self._write(answer.SerializeToString())

    async def _write(self, raw: bytes) -> None:
        async with self._writing:
            await self._context.write(raw)
