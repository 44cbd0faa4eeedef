"""The registry's view of the mesh, followed as it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc
import grpc.aio

from thinkimg_rpc.channel import call_metadata
from thinkimg_rpc.v1 import (
    RegistryServiceStub,
    WatchWorkersRequest,
    WatchWorkersResponse,
    Worker,
)

_RETRY_S = 0.2


class Roster:
    """Which workers the registry holds leases of; `follow` keeps it current.

    `on_listed` is called with each entry that is new or has changed, `on_gone` with
    the last entry of a worker whose lease ended while we were watching. A registry
    that restarts, and so has forgotten everybody, is no reason to call it: workers
    come back to it by themselves.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        token: str,
        *,
        on_listed: Callable[[Worker], None],
        on_gone: Callable[[Worker], None],
        on_link: Callable[[bool], None],
    ) -> None:
        self.workers: dict[str, Worker] = {}
        self.connected = False
        self._stub = RegistryServiceStub(channel)
        self._metadata = call_metadata(token)
        self._on_listed = on_listed
        self._on_gone = on_gone
        self._on_link = on_link
        self._changed = asyncio.Condition()

    async def follow(self) -> None:
        """Watch the registry until cancelled, through its restarts."""
        while True:
            watch = self._stub.WatchWorkers(WatchWorkersRequest(), metadata=self._metadata)
            try:
                async for update in watch:
                    await self._apply(update)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(_RETRY_S)
            self._set_link(False)

    async def wait_for(self, ids: set[str], timeout_s: float) -> bool:
        """Wait until the registry holds all of them; False if the time is over first."""
        async with self._changed:
            try:
                await asyncio.wait_for(
                    self._changed.wait_for(lambda: ids <= self.workers.keys()), timeout_s
                )
            except TimeoutError:
                return False
        return True

    async def _apply(self, update: WatchWorkersResponse) -> None:
        gone = [self.workers[id] for id in update.gone if id in self.workers]
        async with self._changed:
            if update.snapshot:
                self.workers.clear()
            for id in update.gone:
                self.workers.pop(id, None)
            self.workers.update((worker.id, worker) for worker in update.changed)
            self._changed.notify_all()
        self._set_link(True)
        for worker in gone:
            self._on_gone(worker)
        for worker in update.changed:
            self._on_listed(worker)

    def _set_link(self, connected: bool) -> None:
        if connected != self.connected:
            self.connected = connected
            self._on_link(connected)
