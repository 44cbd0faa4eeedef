"""One tool's methods: raw bytes in, a tool's thread, raw bytes out.

The methods take and give bytes and parse them here, so that a malformed message
is INVALID_ARGUMENT (gRPC's own answer is UNKNOWN) and parsing happens in the
tool's thread rather than on the event loop.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc.aio
from google.protobuf.message import DecodeError, Message

from thinkimg_rpc.channel import IMAGES_HELD
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import (
    CallerError,
    InvalidRequest,
    Overloaded,
    ThinkImgError,
)
from thinkimg_rpc.rules import check
from thinkimg_rpc.server.faults import fault_of
from thinkimg_rpc.server.images import WorkerImages
from thinkimg_rpc.server.provenance import Signatures, signatures
from thinkimg_rpc.server.queue import Job, WorkQueue
from thinkimg_rpc.server.results import Results
from thinkimg_rpc.settings import ModelSettings
from thinkimg_rpc.status import abort
from thinkimg_rpc.tool import Call, Tool, check_backend
from thinkimg_rpc.v1 import HostedTool

if TYPE_CHECKING:
    from thinkimg_rpc.server.shared_calls import SharedCalls


@dataclass
class CallCounts:
    """Calls answered since the worker started."""

    calls: int = 0
    caller_errors: int = 0
    faults: int = 0
    reused: int = 0
    """Answers that were computed for another call."""

    def add(self, error: ThinkImgError | None) -> None:
        self.calls += 1
        if isinstance(error, CallerError):
            self.caller_errors += 1
        elif error is not None:
            self.faults += 1


_HELD = ((IMAGES_HELD, "1"),)


class _EarlyHeaders:
    """Sends a call's headers before its response is ready.

    They tell the client that the worker has the images the request carried, so
    that others can name them by digest while the tool is still running.
    """

    def __init__(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._sending: asyncio.Task[None] | None = None

    def send_soon(self) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._send)

    async def sent(self) -> None:
        """Nothing of the response may be written while the headers are."""
        if self._sending is not None:
            await self._sending

    def _send(self) -> None:
        if self._sending is None and not self._context.done():
            self._sending = self._loop.create_task(self._context.send_initial_metadata(_HELD))


Frame = Callable[[bytes, bytes], bytes]
"""(serialized response, its signature) -> what goes over the wire."""


def _follow(response: bytes, signature: bytes) -> bytes:
    return response + signature


def _ignore() -> None:
    """Nobody wants to know."""


class ToolMethod:
    """A hosted tool and the way its calls are run."""

    def __init__(
        self,
        tool: Tool[Message, Message],
        *,
        images: WorkerImages,
        results: Results,
        queue: WorkQueue,
        counts: CallCounts,
        worker_id: str,
    ) -> None:
        self.tool = tool
        self.contract: ToolContract = tool.contract()
        self._images = images
        self._results = results
        self._queue = queue
        self._counts = counts
        self._worker_id = worker_id
        self._request_class = self.contract.request_class
        self._signatures = Signatures(b"", b"")
        self._shared: SharedCalls | None = None

    async def set_up(self, settings: ModelSettings) -> None:
        """Load what the tool needs; it can be called from then on.

        Raises: CannotStart; whatever the tool's `setup` raises.
        """
        check_backend(self.tool, settings)
        self.tool.settings = settings
        await asyncio.to_thread(self.tool.setup)
        self._signatures = signatures(self.contract, self.tool)
        if self.tool.cacheable or self.tool.batches():
            # Imported only here: a worker of cheap tools stays small.
            from thinkimg_rpc.server.shared_calls import SharedCalls

            self._shared = SharedCalls(
                self.tool,
                self.contract,
                images=self._images,
                queue=self._queue,
                results=self._results,
                worker_id=self._worker_id,
            )

    def close(self) -> None:
        """Let the threads that are the tool's own end."""
        if self._shared is not None:
            self._shared.close()

    def hosted(self) -> HostedTool:
        """What the registry and `thinkimg tools` say of it."""
        return HostedTool(
            name=self.contract.name,
            aliases=self.contract.aliases,
            method=self.contract.method,
            stream_method=self.contract.stream_method or "",
            version=self.tool.version,
            backend=self.tool.backend,
        )

    async def unary(self, raw: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        """The tool's unary method."""
        headers = _EarlyHeaders(context)
        remaining_s = context.time_remaining()
        deadline = None if remaining_s is None else time.monotonic() + remaining_s
        try:
            response = await self.submit(
                lambda: self._parse(raw),
                len(raw),
                _follow,
                deadline,
                headers.send_soon,
            )
        except ThinkImgError as error:
            await headers.sent()
            await abort(context, error)
        await headers.sent()
        return response

    def submit(
        self,
        request: Callable[[], Message],
        nbytes: int,
        frame: Frame,
        deadline: float | None,
        on_upload: Callable[[], None] = _ignore,
    ) -> asyncio.Future[bytes]:
        """Take the request, of that size; answer it, and frame the response.

        `on_upload` is called in a thread once an image sent as bytes is in the cache.
        The future raises ThinkImgError, and nothing else. Raises: Overloaded.
        """
        try:
            if self._shared is None:
                work = functools.partial(self._answer, request, frame, on_upload)
                future = self._queue.submit(work, deadline)
            else:
                future = self._shared.submit(
                    request,
                    nbytes,
                    functools.partial(self._finish, frame),
                    deadline,
                    on_upload,
                )
        except Overloaded as error:
            self._counts.add(error)
            raise
        future.add_done_callback(self._count)
        return future

    def _finish(self, frame: Frame, response: bytes, cached: bool) -> bytes:
        self._counts.reused += cached
        return frame(response, self._signatures.cached if cached else self._signatures.computed)

    def _count(self, future: asyncio.Future[bytes]) -> None:
        error = None if future.cancelled() else future.exception()
        self._counts.add(error if isinstance(error, ThinkImgError) else None)

    def _parse(self, raw: bytes) -> Message:
        try:
            return self._request_class.FromString(raw)
        except DecodeError as error:
            raise InvalidRequest(
                f"the bytes are not a {self.contract.request.full_name} message"
            ) from error

    def _answer(
        self,
        take_request: Callable[[], Message],
        frame: Frame,
        on_upload: Callable[[], None],
        job: Job[bytes],
    ) -> bytes:
        request = take_request()
        check(request)
        call = Call(request, self._images, job, on_upload, self._worker_id)
        try:
            response = self.tool.run(request, call).SerializeToString()
        except ThinkImgError:
            raise
        except BaseException as error:
            raise fault_of(error, self.contract.name, self._worker_id) from error
        return frame(response, self._signatures.computed)
