"""The lease table as xDS resources, and whoever waits for them to change."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from thinkimg_rpc.hub.leases import LeaseTable
from thinkimg_rpc.v1 import Worker
from thinkimg_rpc.xds.addresses import AddressBook, host_of
from thinkimg_rpc.xds.resources import Resources, tool_names
from thinkimg_rpc.xds.routing import Trust

RETURN_S = 10.0
"""After a restart of the hub, workers come back within a second or so, on a busy machine
within some seconds. Until then a tool that is not known is not taken to be gone."""


class Feed:
    """Follows the table; `resources` is what it says now."""

    def __init__(self, table: LeaseTable, resources: Resources, *, return_s: float) -> None:
        self.resources = replace(resources, complete=False)
        self.ended = False
        self._table = table
        self._return_s = return_s
        self._addresses = AddressBook()
        self._seen: list[bytes] | None = None
        self._listeners: set[asyncio.Event] = set()

    @contextmanager
    def changes(self) -> Iterator[asyncio.Event]:
        """An event that is set at every change; the listener clears it."""
        event = asyncio.Event()
        self._listeners.add(event)
        try:
            yield event
        finally:
            self._listeners.discard(event)

    async def follow(self) -> None:
        """Keep `resources` up to date until the table closes."""
        watcher = self._table.watch()
        timer = asyncio.get_running_loop().call_later(self._return_s, self._completed)
        try:
            await self._read()
            while await watcher.changes(self._table) is not None:
                await self._read()
        finally:
            timer.cancel()
            self._table.unwatch(watcher)
            self.ended = True
            self._tell()

    def _completed(self) -> None:
        self._set(replace(self.resources, complete=True))

    async def _read(self) -> None:
        workers = tuple(_without_load(worker) for worker in self._table.listed())
        seen = [worker.SerializeToString(deterministic=True) for worker in workers]
        if seen == self._seen and not self._addresses.missed:
            return
        self._seen = seen
        before = self.resources
        addresses = await self._addresses.look_up(
            [before.nowhere, *(worker.address for worker in workers)]
        )
        self._set(
            replace(
                self.resources,
                workers=workers,
                addresses=addresses,
                # Those of earlier workers stay: a tool that was here is unavailable, not unknown.
                tools={**before.tools, **tool_names(workers)},
                trust=_trust(before.trust, workers),
            )
        )

    def _set(self, resources: Resources) -> None:
        self.resources = resources
        self._tell()

    def _tell(self) -> None:
        for event in self._listeners:
            event.set()


def _without_load(worker: Worker) -> Worker:
    """What clients choose by; loads change all the time."""
    copy = Worker()
    copy.CopyFrom(worker)
    copy.ClearField("load")
    return copy


def _trust(trust: Trust | None, workers: tuple[Worker, ...]) -> Trust | None:
    if trust is None or trust.fixed:
        return trust
    hosts = {host_of(worker.address) for worker in workers}
    return replace(trust, hosts=trust.hosts | hosts)
