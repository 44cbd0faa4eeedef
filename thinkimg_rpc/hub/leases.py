"""The lease table: which workers there are, and who wants to know when that changes.

Plain Python, no gRPC: the registry's servicer drives it, and a store, where
several registries share their leases.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError

from thinkimg_rpc.contract import ContractError, load_contracts
from thinkimg_rpc.errors import Conflict, InvalidRequest
from thinkimg_rpc.v1 import (
    HostedTool,
    WatchWorkersResponse,
    Worker,
    WorkerLoad,
    WorkerOffer,
    WorkerState,
)

logger = logging.getLogger(__name__)

STALL_S = 15.0
"""Without a heartbeat for so long, a worker is stalled; it is not gone."""
LOAD_EVERY_S = 0.5
"""Watchers hear of changed loads at most this often."""


@dataclass(eq=False)
class Lease:
    """One worker, for as long as its stream stands."""

    worker: Worker
    files: FileDescriptorSet
    """The tools' contracts, with everything they import."""
    heard: float = field(default_factory=time.monotonic)
    replaced: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when another worker takes the same id, or the table closes."""
    elsewhere: bool = False
    """Whether another registry of the mesh holds the stream, and we only know of it."""


class Watcher:
    """What one watcher has not been told yet."""

    def __init__(self) -> None:
        self._changed: set[str] = set()
        self._gone: set[str] = set()
        self._urgent = asyncio.Event()

    def note(self, worker_id: str, *, gone: bool, urgent: bool) -> None:
        (self._gone if gone else self._changed).add(worker_id)
        (self._changed if gone else self._gone).discard(worker_id)
        if urgent:
            self._urgent.set()

    async def changes(self, workers: LeaseTable) -> WatchWorkersResponse | None:
        """The next changes: at once when a worker came or went, else every LOAD_EVERY_S.

        None, once the table has closed.
        """
        while not workers.closed:
            try:
                async with asyncio.timeout(LOAD_EVERY_S):
                    await self._urgent.wait()
            except TimeoutError:
                if not (self._changed or self._gone):
                    continue
            self._urgent.clear()
            changed, gone = self._changed, self._gone
            self._changed, self._gone = set(), set()
            present = [workers.leases[i].worker for i in sorted(changed) if i in workers.leases]
            return WatchWorkersResponse(changed=present, gone=sorted(gone))
        return None

    def wake(self) -> None:
        self._urgent.set()


class LeaseTable:
    """Workers by id. Single-threaded: the event loop's."""

    def __init__(self) -> None:
        self.leases: dict[str, Lease] = {}
        self.by_service: dict[str, dict[str, Lease]] = {}
        """Service name -> worker id -> lease."""
        self.closed = False
        self._watchers: set[Watcher] = set()
        self.on_joined: list[Callable[[Lease], None]] = []
        self.on_gone: list[Callable[[Lease], None]] = []

    def add(self, offer: WorkerOffer) -> Lease:
        """Take a worker in. A worker of the same id is replaced: it has restarted.

        Raises: InvalidRequest; Conflict, when another contract has a tool's name.
        """
        files = self._checked(offer)
        worker = Worker(
            id=offer.id,
            address=offer.address,
            tools=offer.tools,
            state=WorkerState.WORKER_STATE_SERVING,
            hostname=offer.hostname,
            pid=offer.pid,
            concurrency=offer.concurrency,
        )
        worker.registered_at.GetCurrentTime()
        lease = Lease(worker, files)
        self._enter(lease)
        logger.info("worker_joined", extra={"worker": offer.id, "address": offer.address})
        return lease

    def adopt(self, worker: Worker, descriptors: bytes) -> None:
        """Know of a worker whose stream another registry holds, or of its new state.

        Raises: InvalidRequest; Conflict, when another contract has a tool's name.
        """
        known = self.leases.get(worker.id)
        if known is not None and known.elsewhere and _is_same_lease(known.worker, worker):
            urgent = known.worker.state != worker.state
            known.worker.CopyFrom(worker)
            self._tell(known, gone=False, urgent=urgent)
            return
        files = self._checked(
            WorkerOffer(
                id=worker.id, address=worker.address, tools=worker.tools, descriptors=descriptors
            )
        )
        self._enter(Lease(worker, files, elsewhere=True))
        logger.info("worker_adopted", extra={"worker": worker.id, "address": worker.address})

    def withdraw(self, worker_id: str) -> None:
        """The other registry no longer has that worker."""
        lease = self.leases.get(worker_id)
        if lease is not None and lease.elsewhere:
            self.remove(lease)

    def heard(self, lease: Lease, load: WorkerLoad) -> None:
        """Take a heartbeat's load."""
        lease.heard = time.monotonic()
        state = (
            WorkerState.WORKER_STATE_DRAINING if load.draining else WorkerState.WORKER_STATE_SERVING
        )
        changed_state = state != lease.worker.state
        if changed_state or load != lease.worker.load:
            lease.worker.load.CopyFrom(load)
            lease.worker.state = state
            self._tell(lease, gone=False, urgent=changed_state)

    def mark_stalled(self) -> None:
        """Mark the workers that have been silent for too long."""
        silent_since = time.monotonic() - STALL_S
        for lease in self.leases.values():
            serving = lease.worker.state == WorkerState.WORKER_STATE_SERVING
            # Of a worker elsewhere, the other registry says so.
            if serving and not lease.elsewhere and lease.heard < silent_since:
                lease.worker.state = WorkerState.WORKER_STATE_STALLED
                self._tell(lease, gone=False, urgent=True)
                logger.warning("worker_stalled", extra={"worker": lease.worker.id})

    def remove(self, lease: Lease) -> None:
        """A worker's stream has ended. A lease replaced meanwhile is left alone."""
        if self.leases.get(lease.worker.id) is not lease:
            return
        del self.leases[lease.worker.id]
        for service in _services(lease.worker):
            # The empty entry stays: a service that was here is unavailable, not unknown.
            self.by_service[service].pop(lease.worker.id, None)
        self._tell(lease, gone=True, urgent=True)
        for callback in self.on_gone:
            callback(lease)
        logger.info("worker_left", extra={"worker": lease.worker.id})

    def close(self) -> None:
        """End every lease and every watch: this registry stops."""
        self.closed = True
        for lease in self.leases.values():
            lease.replaced.set()
        for watcher in self._watchers:
            watcher.wake()

    def listed(self, tool: str = "") -> list[Worker]:
        """All workers, or those that host a tool of that name or alias."""
        workers = (self.leases[i].worker for i in sorted(self.leases))
        return [w for w in workers if not tool or any(_is_called(t, tool) for t in w.tools)]

    def watch(self) -> Watcher:
        watcher = Watcher()
        self._watchers.add(watcher)
        return watcher

    def unwatch(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    def tool_names(self) -> set[str]:
        return {tool.name for lease in self.leases.values() for tool in lease.worker.tools}

    def _enter(self, lease: Lease) -> None:
        worker = lease.worker
        if (old := self.leases.get(worker.id)) is not None:
            old.replaced.set()
            self.remove(old)
        self.leases[worker.id] = lease
        for service in _services(worker):
            self.by_service.setdefault(service, {})[worker.id] = lease
        for callback in self.on_joined:
            callback(lease)
        self._tell(lease, gone=False, urgent=True)

    def _tell(self, lease: Lease, *, gone: bool, urgent: bool) -> None:
        for watcher in self._watchers:
            watcher.note(lease.worker.id, gone=gone, urgent=urgent)

    def _checked(self, offer: WorkerOffer) -> FileDescriptorSet:
        for name, value in (("id", offer.id), ("address", offer.address), ("tools", offer.tools)):
            if not value:
                raise InvalidRequest.field(f"offer.{name}", "required")
        taken = dict(self._methods(but=offer.id))
        for tool in offer.tools:
            method = taken.get(tool.name, tool.method)
            if method != tool.method:
                raise Conflict(
                    f"a tool named {tool.name} is served already with another contract "
                    f"({method}); give yours another name in its .proto"
                )
        return _checked_files(offer.descriptors)

    def _methods(self, *, but: str) -> Iterator[tuple[str, str]]:
        for worker_id, lease in self.leases.items():
            if worker_id != but:
                yield from ((tool.name, tool.method) for tool in lease.worker.tools)


@lru_cache(maxsize=64)
def _checked_files(descriptors: bytes) -> FileDescriptorSet:
    """The descriptor set, if every client will be able to use it.

    Cached, because the replicas of a worker all offer the same.
    """
    try:
        files = FileDescriptorSet.FromString(descriptors)
        load_contracts(files)
    except DecodeError as error:
        raise InvalidRequest.field(
            "offer.descriptors", "not a serialized google.protobuf.FileDescriptorSet"
        ) from error
    except ContractError as error:
        raise InvalidRequest.field("offer.descriptors", str(error)) from error
    return files


def _is_same_lease(one: Worker, other: Worker) -> bool:
    return (one.address, one.pid, one.registered_at) == (
        other.address,
        other.pid,
        other.registered_at,
    )


def _services(worker: Worker) -> Iterator[str]:
    return (tool.method.strip("/").rpartition("/")[0] for tool in worker.tools)


def _is_called(tool: HostedTool, name: str) -> bool:
    return name == tool.name or name in tool.aliases
