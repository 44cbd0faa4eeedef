"""What the registry says about the workers, and when it said so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc.aio

from thinkimg_rpc.channel import open_channel
from thinkimg_rpc.settings import MIB
from thinkimg_rpc.v1 import RegistryServiceStub, WatchWorkersRequest, WatchWorkersResponse, Worker

RETRY_S = 0.05


@dataclass(frozen=True)
class Sighting:
    """One entry of one update: a worker is listed (again), or has left."""

    moment: float
    """On `time.monotonic()`'s clock."""
    worker: Worker
    left: bool
    watch: int
    """Which connection to the registry brought it, from 1: a restarted hub starts another."""


class RegistryLog:
    """Follows a registry through its restarts."""

    def __init__(self, address: str) -> None:
        self.present: dict[str, Worker] = {}
        self.sightings: list[Sighting] = []
        self.watches = 0
        self._channel = open_channel(address, max_message_bytes=4 * MIB)
        self._changed = asyncio.Condition()

    async def first(
        self, fits: Callable[[Sighting], bool], timeout_s: float, since: float = 0.0
    ) -> Sighting:
        """The first sighting after the moment `since` that fits, waited for if need be."""
        seen = 0
        async with asyncio.timeout(timeout_s), self._changed:
            while True:
                for sighting in self.sightings[seen:]:
                    if sighting.moment >= since and fits(sighting):
                        return sighting
                seen = len(self.sightings)
                await self._changed.wait()

    async def until(self, holds: Callable[[], bool], timeout_s: float) -> None:
        """Wait until something holds of `present`."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(holds)

    def departures(self) -> list[str]:
        return [s.worker.id for s in self.sightings if s.left]

    async def follow(self) -> None:
        registry = RegistryServiceStub(self._channel)
        while True:
            try:
                async for update in registry.WatchWorkers(WatchWorkersRequest()):
                    await self._take(update)
            except grpc.aio.AioRpcError:
                # The registry is down, which some tests want.
                await asyncio.sleep(RETRY_S)

    async def close(self) -> None:
        await self._channel.close(None)

    async def _take(self, update: WatchWorkersResponse) -> None:
        moment = time.monotonic()
        async with self._changed:
            if update.snapshot:
                self.watches += 1
                self.present.clear()
            for worker_id in update.gone:
                # One that came and left between two updates was never listed.
                if (worker := self.present.pop(worker_id, None)) is not None:
                    self.sightings.append(Sighting(moment, worker, True, self.watches))
            for worker in update.changed:
                self.present[worker.id] = worker
                self.sightings.append(Sighting(moment, worker, False, self.watches))
            self._changed.notify_all()


@asynccontextmanager
async def registry_log(address: str) -> AsyncIterator[RegistryLog]:
    log = RegistryLog(address)
    following = asyncio.create_task(log.follow())
    try:
        yield log
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await log.close()
