"""Leases in etcd, for as many registries as a mesh has.

A worker holds its stream to one registry. That registry writes what it knows of
the worker below `/thinkimg/NAME/`, under an etcd lease of its own; the others
watch, and list the worker as well. When a registry dies, its etcd lease ends
after `TTL_S`, and with it what it had written, except of workers that have come
to another registry meanwhile, which has written them anew.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Coroutine
from typing import Any, NamedTuple

import grpc.aio
from google.protobuf.message import DecodeError

from thinkimg_rpc.errors import ThinkImgError
from thinkimg_rpc.hub.etcd import Event, KeyValue
from thinkimg_rpc.hub.etcd_client import Etcd, StoreLost
from thinkimg_rpc.hub.lease_store import StoreUrl
from thinkimg_rpc.hub.leases import Lease, LeaseTable, Watcher
from thinkimg_rpc.settings import TlsSettings
from thinkimg_rpc.v1 import Worker

logger = logging.getLogger(__name__)

TTL_S = 10
"""What a registry that has died wrote is listed for so long."""
KEEP_ALIVE_EVERY_S = 2.0
LOADS_EVERY_S = 5.0
"""Loads are written this often; who comes, goes or drains at once."""
RETRY_S = 0.3


class EtcdStore:
    """Keeps a table alike with those of the other registries, through restarts of etcd."""

    def __init__(self, url: StoreUrl, tls: TlsSettings | None) -> None:
        self._url = url
        self._tls = tls
        self.loaded = asyncio.Event()

    async def share(self, table: LeaseTable) -> None:
        lost_because = ""
        session: _Session | None = None
        for endpoint in itertools.cycle(self._url.endpoints):
            try:
                async with Etcd(endpoint, self._tls) as etcd:
                    if self._url.user:
                        await etcd.log_in(self._url.user, self._url.password)
                    last_lease_id = session.lease_id if session else 0
                    prefix = f"/thinkimg/{self._url.name}/"
                    session = _Session(etcd, prefix, table, last_lease_id)
                    await session.run(self.loaded)
                    return
            except StoreLost as error:
                reason = str(error)
            except grpc.aio.AioRpcError as failure:
                reason = failure.details() or failure.code().name
            # Once for each reason: a store may be away for hours.
            if reason != lost_because or self.loaded.is_set():
                logger.warning("store_lost", extra={"endpoint": endpoint, "reason": reason})
            lost_because = reason
            self.loaded.clear()
            await asyncio.sleep(RETRY_S)


class _Written(NamedTuple):
    """What we have written of a worker of ours."""

    lease: Lease
    state: int
    revision: int
    """Of etcd, which this made."""


class _Session:
    """One connection to etcd, from the lease it is granted to its loss."""

    def __init__(self, etcd: Etcd, prefix: str, table: LeaseTable, last_lease_id: int) -> None:
        self._etcd = etcd
        self._prefix = prefix.encode()
        self._table = table
        self._last_lease_id = last_lease_id
        """Of the session before, under which may be what has left since."""
        self.lease_id = last_lease_id
        self._written: dict[str, _Written] = {}
        self._writing = asyncio.Lock()
        """What is written and what is erased must not overtake each other."""
        self._stale_loads: set[str] = set()
        self._contracts: dict[str, bytes] = {}
        """Of the workers that other registries have written, their descriptors."""
        self._theirs: set[str] = set()

    async def run(self, loaded: asyncio.Event) -> None:
        """Share until the table is closed. Raises: StoreLost, AioRpcError."""
        self.lease_id = await self._etcd.grant_lease(TTL_S)
        revision = await self._load()
        loaded.set()
        logger.info("store_connected", extra={"workers_elsewhere": len(self._theirs)})
        # Theirs that etcd does not have: it has lost them, and they will be back if they live.
        missing = asyncio.get_running_loop().call_later(TTL_S, self._forget_missing)
        watcher = self._table.watch()
        try:
            await _until_one_ends(
                self._publish(watcher),
                self._refresh_loads(),
                self._etcd.keep_alive(self.lease_id, KEEP_ALIVE_EVERY_S),
                self._follow(revision + 1),
            )
        finally:
            self._table.unwatch(watcher)
            missing.cancel()

    async def _load(self) -> int:
        revision, kept = await self._etcd.read(self._prefix)
        # "contracts/" comes before "workers/", which needs it.
        for entry in kept:
            self._take(entry)
        return revision

    async def _follow(self, revision: int) -> None:
        async for event in self._etcd.watch(self._prefix, revision):
            if event.type == Event.EventType.PUT:
                self._take(event.kv)
            else:
                self._drop(event.kv)

    def _take(self, entry: KeyValue) -> None:
        kind, worker_id = self._parts(entry)
        if entry.lease == self.lease_id:
            return
        if kind == "contracts":
            self._contracts[worker_id] = entry.value
        elif kind == "workers" and not self._is_ours(worker_id, entry.mod_revision):
            self._theirs.add(worker_id)
            try:
                worker = Worker.FromString(entry.value)
                self._table.adopt(worker, self._contracts.get(worker_id, b""))
            except (DecodeError, ThinkImgError) as error:
                logger.warning(
                    "worker_not_adopted", extra={"worker": worker_id, "reason": str(error)}
                )

    def _drop(self, entry: KeyValue) -> None:
        kind, worker_id = self._parts(entry)
        if kind == "contracts":
            self._contracts.pop(worker_id, None)
        elif kind == "workers":
            self._theirs.discard(worker_id)
            self._table.withdraw(worker_id)

    def _is_ours(self, worker_id: str, revision: int) -> bool:
        """Whether the worker's stream came to us later than what another registry wrote."""
        lease = self._table.leases.get(worker_id)
        if lease is None or lease.elsewhere:
            return False
        written = self._written.get(worker_id)
        return written is None or written.lease is not lease or revision < written.revision

    def _forget_missing(self) -> None:
        for worker_id in [i for i, lease in self._table.leases.items() if lease.elsewhere]:
            if worker_id not in self._theirs:
                self._table.withdraw(worker_id)

    async def _publish(self, watcher: Watcher) -> None:
        """Write who comes, goes or drains; a worker whose load alone changed waits its turn."""
        for worker_id in list(self._table.leases):
            await self._write(worker_id)
        if self._last_lease_id:
            await self._etcd.revoke_lease(self._last_lease_id)
        while (changes := await watcher.changes(self._table)) is not None:
            for worker in changes.changed:
                written = self._written.get(worker.id)
                known = written is not None and written.lease is self._table.leases.get(worker.id)
                if written is not None and known and written.state == worker.state:
                    self._stale_loads.add(worker.id)
                else:
                    await self._write(worker.id)
            for worker_id in changes.gone:
                await self._erase(worker_id)

    async def _refresh_loads(self) -> None:
        while True:
            await asyncio.sleep(LOADS_EVERY_S)
            stale, self._stale_loads = self._stale_loads, set()
            for worker_id in stale:
                await self._write(worker_id)

    async def _write(self, worker_id: str) -> None:
        async with self._writing:
            lease = self._table.leases.get(worker_id)
            if lease is None or lease.elsewhere:
                return
            written = self._written.get(worker_id)
            if written is None or written.lease is not lease:
                files = lease.files.SerializeToString(deterministic=True)
                await self._etcd.put(self._key("contracts", worker_id), files, self.lease_id)
            state, value = lease.worker.state, lease.worker.SerializeToString()
            revision = await self._etcd.put(self._key("workers", worker_id), value, self.lease_id)
            self._written[worker_id] = _Written(lease, state, revision)

    async def _erase(self, worker_id: str) -> None:
        async with self._writing:
            # One that came back meanwhile stays, and so does what another registry has written.
            if worker_id in self._table.leases or self._written.pop(worker_id, None) is None:
                return
            for kind in ("workers", "contracts"):
                await self._etcd.delete(self._key(kind, worker_id), self.lease_id)

    def _key(self, kind: str, worker_id: str) -> bytes:
        return self._prefix + f"{kind}/{worker_id}".encode()

    def _parts(self, entry: KeyValue) -> tuple[str, str]:
        kind, _, worker_id = entry.key.removeprefix(self._prefix).decode().partition("/")
        return kind, worker_id


async def _until_one_ends(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run all until one returns or raises, which is raised again here."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
