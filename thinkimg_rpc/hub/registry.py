"""`RegistryService` over the lease table."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import grpc.aio

from thinkimg_rpc.errors import InvalidRequest, ThinkImgError
from thinkimg_rpc.hub.absences import Absences
from thinkimg_rpc.hub.leases import Lease, LeaseTable
from thinkimg_rpc.status import abort
from thinkimg_rpc.v1 import (
    ListWorkersRequest,
    ListWorkersResponse,
    RegisterRequest,
    RegisterResponse,
    RegistryServiceServicer,
    ReportAbsentRequest,
    ReportAbsentResponse,
    WatchWorkersRequest,
    WatchWorkersResponse,
    WorkerOffer,
)

logger = logging.getLogger(__name__)

HEARTBEAT_S = 1.0

Context = grpc.aio.ServicerContext[Any, Any]


class Registry(RegistryServiceServicer):
    """Workers hold a stream here; clients list and watch them."""

    def __init__(self, table: LeaseTable) -> None:
        self._table = table
        self._absences = Absences()
        self._closed = asyncio.Event()

    async def Register(
        self, request_iterator: AsyncIterator[RegisterRequest], context: Context
    ) -> AsyncIterator[RegisterResponse]:
        offer = WorkerOffer()
        try:
            offer = await _first_offer(request_iterator)
            lease = self._table.add(offer)
        except ThinkImgError as error:
            about = {"worker": offer.id, "peer": context.peer(), "reason": error.message}
            logger.warning("worker_refused", extra=about)
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
        workers = self._table.listed(request.tool)
        if request.tool:
            return ListWorkersResponse(workers=workers)
        absent = self._absences.listed({worker.id for worker in workers})
        return ListWorkersResponse(workers=workers, absent=absent)

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

    async def ReportAbsent(
        self, request_iterator: AsyncIterator[ReportAbsentRequest], context: Context
    ) -> ReportAbsentResponse:
        supervisor = object()

        async def take_reports() -> None:
            async for report in request_iterator:
                self._absences.tell(supervisor, report.workers)

        try:
            await _first_of(take_reports(), self._closed.wait())
        finally:
            self._absences.forget(supervisor)
        return ReportAbsentResponse()

    def close(self) -> None:
        """End what supervisors hold open: this registry stops."""
        self._closed.set()

    async def _listen(self, lease: Lease, events: AsyncIterator[RegisterRequest]) -> None:
        async def take_loads() -> None:
            async for event in events:
                if event.HasField("load"):
                    self._table.heard(lease, event.load)

        await _first_of(take_loads(), lease.replaced.wait())


async def _first_of(*coroutines: Coroutine[Any, Any, Any]) -> None:
    """Wait until one of them is over, and end the others."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _first_offer(events: AsyncIterator[RegisterRequest]) -> Any:
    async for event in events:
        if event.WhichOneof("event") == "offer":
            return event.offer
        break
    raise InvalidRequest.field("offer", "must come first")
