"""The front door: calls for any tool of the mesh, passed to a worker as bytes.

It parses nothing. The deadline, the caller's metadata, the status and its
details pass through; a worker that cannot be reached is passed over for another.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from thinkimg_rpc.channel import open_channel
from thinkimg_rpc.errors import Unavailable, Unsupported
from thinkimg_rpc.hub.leases import Lease, LeaseTable
from thinkimg_rpc.settings import TlsSettings
from thinkimg_rpc.status import abort
from thinkimg_rpc.v1 import WorkerState

_WROTE_TOO_LATE = "Internal error from Core"
"""What grpc.aio makes of a stream that the worker ended while an item was being written."""
ATTEMPTS = 3
"""Workers tried before the caller hears that none could be reached."""
LAST_CALLS_S = 60.0
"""What is in flight to a worker whose lease has ended gets this long to be answered. A
dead or hung worker's calls fail earlier by themselves, and are passed to another."""

if TYPE_CHECKING:
    # Generic only to the type checker.
    GenericHandler = grpc.GenericRpcHandler[Any, Any]
    Handler = grpc.RpcMethodHandler[Any, Any]
else:
    GenericHandler = grpc.GenericRpcHandler

Context = grpc.aio.ServicerContext[Any, Any]


class FrontDoor(GenericHandler):
    """Serves every method that the hub itself does not have."""

    def __init__(
        self, table: LeaseTable, *, max_message_bytes: int, tls: TlsSettings | None
    ) -> None:
        self._table = table
        self._max_message_bytes = max_message_bytes
        self._tls = tls
        # By lease, not by id: a worker that restarts has the same id and another address.
        self._channels: dict[Lease, grpc.aio.Channel] = {}
        self._in_flight: dict[Lease, int] = {}
        self._closing: set[asyncio.Task[None]] = set()
        table.on_gone.append(self._forget)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler:
        method = handler_call_details.method
        service = method.strip("/").rpartition("/")[0]

        async def unary(raw: bytes, context: Context) -> bytes:
            return await self._unary(service, method, raw, context)

        async def stream(requests: AsyncIterator[bytes], context: Context) -> None:
            await self._stream(service, method, requests, context)

        if self._is_unary(service, method):
            return grpc.unary_unary_rpc_method_handler(unary)
        return grpc.stream_stream_rpc_method_handler(stream)

    async def close(self) -> None:
        for task in self._closing:
            task.cancel()
        for channel in self._channels.values():
            await channel.close(None)

    async def _unary(self, service: str, method: str, raw: bytes, context: Context) -> bytes:
        tried: set[str] = set()
        while True:
            lease = await self._choose(service, context, tried)
            call = self._channel(lease).unary_unary(method, None, None)(
                raw, timeout=context.time_remaining(), metadata=_passed_on(context)
            )
            with _Counted(self._in_flight, lease):
                try:
                    response: bytes = await call
                    return response
                except grpc.aio.AioRpcError as error:
                    tried.add(lease.worker.id)
                    if not self._try_another(error, service, tried):
                        await _pass_back(error, context)

    async def _stream(
        self, service: str, method: str, requests: AsyncIterator[bytes], context: Context
    ) -> None:
        lease = await self._choose(service, context, set())
        call = self._channel(lease).stream_stream(method, None, None)(
            requests, timeout=context.time_remaining(), metadata=_passed_on(context)
        )
        with _Counted(self._in_flight, lease):
            try:
                async for response in call:
                    await context.write(response)
            except grpc.aio.AioRpcError as error:
                await _pass_back(error, context)
            finally:
                call.cancel()

    async def _choose(self, service: str, context: Context, tried: set[str]) -> Lease:
        hosts = self._table.by_service.get(service)
        if hosts is None:
            names = ", ".join(sorted(self._table.tool_names())) or "none"
            await abort(context, Unsupported(f"no tool {service} in this mesh; it has: {names}"))
        usable = [lease for worker_id, lease in hosts.items() if worker_id not in tried]
        if not usable:
            await abort(context, Unavailable(f"no worker serves {service} right now; try again"))
        return min(usable, key=self._burden)

    def _burden(self, lease: Lease) -> tuple[bool, int]:
        reluctant = lease.worker.state != WorkerState.WORKER_STATE_SERVING
        return reluctant, self._in_flight.get(lease, 0) + lease.worker.load.queued

    def _try_another(self, error: grpc.aio.AioRpcError, service: str, tried: set[str]) -> bool:
        untried = self._table.by_service[service].keys() - tried
        unreached = error.code() is grpc.StatusCode.UNAVAILABLE
        return unreached and bool(untried) and len(tried) < ATTEMPTS

    def _is_unary(self, service: str, method: str) -> bool:
        for lease in self._table.by_service.get(service, {}).values():
            return any(tool.method == method for tool in lease.worker.tools)
        return False

    def _channel(self, lease: Lease) -> grpc.aio.Channel:
        if lease not in self._channels:
            self._channels[lease] = open_channel(
                lease.worker.address, max_message_bytes=self._max_message_bytes, tls=self._tls
            )
        return self._channels[lease]

    def _forget(self, lease: Lease) -> None:
        channel = self._channels.pop(lease, None)
        if channel is not None:
            task = asyncio.create_task(channel.close(LAST_CALLS_S))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


class _Counted:
    """Counts a call towards its worker while it is in flight."""

    def __init__(self, counts: dict[Lease, int], lease: Lease) -> None:
        self._counts = counts
        self._lease = lease

    def __enter__(self) -> None:
        self._counts[self._lease] = self._counts.get(self._lease, 0) + 1

    def __exit__(self, *exc_info: object) -> None:
        self._counts[self._lease] -= 1
        if not self._counts[self._lease]:
            del self._counts[self._lease]


def _passed_on(context: Context) -> tuple[tuple[str, str | bytes], ...]:
    """The caller's own metadata; what gRPC sets anew on each hop is left out."""
    return tuple(
        (key, value)
        for key, value in context.invocation_metadata() or ()
        if not key.startswith(("grpc-", ":")) and key != "user-agent"
    )


async def _pass_back(error: grpc.aio.AioRpcError, context: Context) -> None:
    """End the caller's call as the worker's ended, details included."""
    if error.code() is grpc.StatusCode.INTERNAL and error.details() == _WROTE_TOO_LATE:
        await abort(context, Unavailable("the worker ended the stream"))
    trailers: Any = error.trailing_metadata()
    await context.abort(error.code(), error.details() or "", tuple(trailers or ()))
