"""`RegistryService` over the lease table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

from thinkimg_rpc.errors import InvalidRequest, ThinkImgError
from thinkimg_rpc.hub.leases import Lease, LeaseTable
from thinkimg_rpc.status import abort
from thinkimg_rpc.v1 import (
    ListWorkersRequest,
    ListWorkersResponse,
    RegisterRequest,
    RegisterResponse,
    RegistryServiceServicer,
    WatchWorkersRequest,
    WatchWorkersResponse,
)

HEARTBEAT_S = 1.0

Context = grpc.aio.ServicerContext[Any, Any]


class Registry(RegistryServiceServicer):
    """Workers hold a stream here; clients list and watch them."""

    def __init__(self, table: LeaseTable) -> None:
        self._table = table

    async def Register(
        self, request_iterator: AsyncIterator[RegisterRequest], context: Context
    ) -> AsyncIterator[RegisterResponse]:
        try:
            lease = self._table.add(await _first_offer(request_iterator))
        except ThinkImgError as error:
            await abort(context, error)
        try:
            yield RegisterResponse(heartbeat_s=HEARTBEAT_S)
            await self._listen(lease, request_iterator)
        finally:
            # Also when the stream breaks or the peer stops answering pings:
            # gRPC cancels this method then.
            self._table.remove(lease)

    async def ListWorkers(
        self, request: ListWorkersRequest, context: Context
    ) -> ListWorkersResponse:
        return ListWorkersResponse(workers=self._table.listed(request.tool))

    async def WatchWorkers(
        self, request: WatchWorkersRequest, context: Context
    ) -> AsyncIterator[WatchWorkersResponse]:
        watcher = self._table.watch()
        try:
            yield WatchWorkersResponse(snapshot=True, changed=self._table.listed())
            while (changes := await watcher.changes(self._table)) is not None:
                yield changes
        finally:
            self._table.unwatch(watcher)

    async def _listen(self, lease: Lease, events: AsyncIterator[RegisterRequest]) -> None:
        async def take_loads() -> None:
            async for event in events:
                if event.HasField("load"):
                    self._table.heard(lease, event.load)

        loads = asyncio.ensure_future(take_loads())
        replaced = asyncio.ensure_future(lease.replaced.wait())
        try:
            await asyncio.wait({loads, replaced}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            loads.cancel()
            replaced.cancel()
            await asyncio.gather(loads, replaced, return_exceptions=True)


async def _first_offer(events: AsyncIterator[RegisterRequest]) -> Any:
    async for event in events:
        if event.WhichOneof("event") == "offer":
            return event.offer
        break
    raise InvalidRequest.field("offer", "must come first")
