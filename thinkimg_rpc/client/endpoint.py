"""One worker, as a client knows it."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import grpc.aio

from thinkimg_rpc.client.streams import ToolStream
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.v1 import ImageStoreServiceStub, Worker, WorkerState

if TYPE_CHECKING:
    from thinkimg_rpc.v1.image_store_pb2_grpc import ImageStoreServiceAsyncStub

AVOID_S = 1.0
"""After a failed connection, until the registry has had time to say so."""


class Endpoint:
    """A worker's address, its channel, its load, and the images on their way to it."""

    def __init__(self, worker: Worker, connect: Callable[[str], grpc.aio.Channel]) -> None:
        self.worker = worker
        self.tools = frozenset(tool.name for tool in worker.tools)
        self.in_flight = 0
        """Calls of this client's that have no answer yet."""
        self.uploads: dict[str, asyncio.Future[None]] = {}
        """Digest -> settled when the worker has the image, or has failed to get it."""
        self._connect = connect
        self._channel: grpc.aio.Channel | None = None
        self._methods: dict[str, Any] = {}
        self._streams: dict[str, ToolStream] = {}
        self._avoid_until = 0.0

    @property
    def id(self) -> str:
        return self.worker.id

    @property
    def usable(self) -> bool:
        """Whether a call should go here, while there is another choice."""
        return (
            self.worker.state == WorkerState.WORKER_STATE_SERVING
            and time.monotonic() >= self._avoid_until
        )

    @property
    def burden(self) -> float:
        """Calls for each of the worker's threads: this client's, or all that were reported."""
        reported = self.worker.load.in_flight + self.worker.load.queued
        return max(self.in_flight, reported) / (self.worker.concurrency or 1)

    @property
    def channel(self) -> grpc.aio.Channel:
        if self._channel is None:
            self._channel = self._connect(self.worker.address)
        return self._channel

    @property
    def images(self) -> ImageStoreServiceAsyncStub:
        stub: ImageStoreServiceAsyncStub = self._once(
            "images", lambda: ImageStoreServiceStub(self.channel)
        )
        return stub

    def unary(self, contract: ToolContract) -> Any:
        """The tool's unary method, of the generated stub where this process has one."""
        return self._once(contract.method, lambda: _method(self.channel, contract, contract.method))

    def unary_with_headers(self, contract: ToolContract) -> Any:
        """The same, as a call whose headers can be awaited before its one response."""
        channel = _HeadersFirst(self.channel)
        return self._once(
            f"{contract.method} headers", lambda: _method(channel, contract, contract.method)
        )

    def stream(
        self, contract: ToolContract, metadata: tuple[tuple[str, str], ...]
    ) -> ToolStream | None:
        """The open stream of a tool's bidirectional method; None if it has no such method."""
        name = contract.stream_method
        if name is None:
            return None
        stream = self._streams.get(name)
        if stream is None or stream.broken:
            method = self._once(name, lambda: _method(self.channel, contract, name))
            stream = ToolStream(method(metadata=metadata), contract.stream_request_class)
            self._streams[name] = stream
        return stream

    def avoid(self) -> None:
        """Choose others for a while: a call has just failed to reach this worker."""
        self._avoid_until = time.monotonic() + AVOID_S

    async def close(self) -> None:
        await asyncio.gather(*(stream.close() for stream in self._streams.values()))
        if self._channel is not None:
            await self._channel.close(None)

    def _once(self, name: str, make: Any) -> Any:
        made = self._methods.get(name)
        if made is None:
            made = self._methods[name] = make()
        return made


class _HeadersFirst:
    """A channel that opens unary methods as ones with a stream of responses.

    On the wire they are the same, but grpc.aio hands over the headers of a
    unary call only together with its response.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    def unary_unary(self, *arguments: Any, **options: Any) -> Any:
        return self._channel.unary_stream(*arguments, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)


def _method(channel: Any, contract: ToolContract, full_name: str) -> Any:
    """A method of the tool's service, of the generated stub where there is one."""
    stub = stub_class(contract)
    if stub is not None:
        return getattr(stub(channel), full_name.rpartition("/")[2])
    request: Any = contract.request_class
    response: Any = contract.response_class
    open_method: Any = channel.unary_unary
    if full_name != contract.method:
        request, response = contract.stream_request_class, contract.stream_response_class
        open_method = channel.stream_stream
    return open_method(full_name, request.SerializeToString, response.FromString)


@lru_cache(maxsize=256)
def stub_class(contract: ToolContract) -> Any | None:
    """The generated stub of a contract's service; None for a tool this process has no stubs for."""
    module_name = f"{contract.request_class.__module__}_grpc"
    if not module_name.endswith("_pb2_grpc") or not _exists(module_name):
        return None
    module = importlib.import_module(module_name)
    return getattr(module, f"{contract.service.rpartition('.')[2]}Stub")


def _exists(module_name: str) -> bool:
    try:
        return importlib.util.find_spec(module_name) is not None
    except ModuleNotFoundError:
        return False
