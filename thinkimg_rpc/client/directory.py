"""Who serves what, as a client knows it, and which worker takes the next call."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Callable, Iterable
from itertools import islice

import grpc.aio

from thinkimg_rpc.channel import call_metadata
from thinkimg_rpc.client.endpoint import Endpoint
from thinkimg_rpc.client.holdings import Holdings
from thinkimg_rpc.errors import ThinkImgError, Unauthenticated, Unavailable, Unsupported
from thinkimg_rpc.status import from_rpc_error
from thinkimg_rpc.v1 import (
    AbsentWorker,
    ListWorkersRequest,
    RegistryServiceStub,
    WatchWorkersRequest,
    WatchWorkersResponse,
    Worker,
    WorkerState,
)

logger = logging.getLogger(__name__)

RECONNECT_S = 0.1
GRACE_S = 10.0
"""After a registry has restarted, workers have this long to be listed again."""
_SAMPLES = 8


class Directory:
    """The mesh's workers, followed through the registry; single-threaded.

    The least loaded of two workers taken at random is chosen, which costs the
    same with two workers as with two hundred and balances nearly as well as
    asking all of them (Mitzenmacher, "The power of two choices", 2001). One
    that holds the call's image is preferred while it is not busier by a full
    round of its threads.
    """

    def __init__(
        self, registry: grpc.aio.Channel, connect: Callable[[Worker], Endpoint], *, token: str
    ) -> None:
        self._registry = RegistryServiceStub(registry)
        self._metadata = call_metadata(token)
        self._connect = connect
        self.holdings = Holdings()
        self._endpoints: dict[str, Endpoint] = {}
        self._pools: dict[str, list[Endpoint]] = {}
        self._unlisted: dict[str, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._heard = asyncio.Event()

    async def connect(self, timeout_s: float) -> None:
        """Wait for the first list of workers, and keep following it from then on.

        Raises: Unavailable, when no mesh answers in time; Unauthenticated.
        """
        self._following = asyncio.create_task(self._follow(), name="directory")
        heard = asyncio.create_task(self._heard.wait())
        try:
            await asyncio.wait(
                {heard, self._following}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if self._following.done():
                raise self._following.result()
            if not self._heard.is_set():
                raise Unavailable("no registry answers")
        finally:
            heard.cancel()
            if not self._heard.is_set():
                self._following.cancel()
                await asyncio.gather(self._following, return_exceptions=True)

    async def close(self) -> None:
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)
        for handle in self._unlisted.values():
            handle.cancel()
        await asyncio.gather(*(e.close() for e in self._endpoints.values()), *self._closing)

    def workers(self) -> list[Worker]:
        return [self._endpoints[i].worker for i in sorted(self._endpoints)]

    async def absent(self, timeout_s: float) -> list[AbsentWorker]:
        """Those that should serve and do not. Raises: ThinkImgError."""
        try:
            listed = await self._registry.ListWorkers(
                ListWorkersRequest(), metadata=self._metadata, timeout=timeout_s
            )
        except grpc.aio.AioRpcError as failure:
            raise from_rpc_error(failure) from failure
        return list(listed.absent)

    def hosts(self, tool: str) -> list[Endpoint]:
        """The workers that host a tool, by its own name."""
        return self._pools.get(tool, [])

    def choose(self, tool: str, digests: Iterable[str], tried: set[str]) -> Endpoint | None:
        """The worker for a call that uses the images `digests`; None if all were tried."""
        pool = self.hosts(tool)
        if not pool:
            return None
        best = self._lighter_of_two(pool, tried)
        limit = math.inf if best is None else best.burden + 1
        for digest in digests:
            # Only a few are looked at, so that this does not grow with the mesh.
            for holder in islice(self.holdings.of(digest).values(), _SAMPLES):
                able = tool in holder.tools and holder.usable and holder.id not in tried
                if able and holder.burden < limit:
                    return holder
        return best

    async def wait_for_change(self, timeout_s: float) -> None:
        """Return when a worker has joined, left or changed, or after `timeout_s`."""
        self._changed.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return

    def _lighter_of_two(self, pool: list[Endpoint], tried: set[str]) -> Endpoint | None:
        best: Endpoint | None = None
        found = 0
        place = int(random.random() * len(pool))
        for _ in range(_SAMPLES):
            candidate = pool[place]
            # Never the same twice in a row: with two workers, both are looked at.
            place = (place + 1 + int(random.random() * (len(pool) - 1))) % len(pool)
            if candidate is best or not candidate.usable or candidate.id in tried:
                continue
            if best is None or candidate.burden < best.burden:
                best = candidate
            found += 1
            if found == 2:
                return best
        if best is None:
            left = [endpoint for endpoint in pool if endpoint.id not in tried]
            best = min(left, key=lambda e: (not e.usable, e.burden), default=None)
        return best

    async def _follow(self) -> ThinkImgError:
        """Keep the list current until cancelled. Returns why the registry refuses this client."""
        while True:
            try:
                async for changes in self._registry.WatchWorkers(
                    WatchWorkersRequest(), metadata=self._metadata
                ):
                    self._apply(changes)
            except grpc.aio.AioRpcError as failure:
                error = from_rpc_error(failure)
                if isinstance(error, Unauthenticated | Unsupported):
                    return error
                logger.debug("registry lost", extra={"reason": error.message})
            await asyncio.sleep(RECONNECT_S)

    def _apply(self, changes: WatchWorkersResponse) -> None:
        for worker in changes.changed:
            self._take(worker)
        for worker_id in changes.gone:
            self._drop(worker_id)
        if changes.snapshot:
            listed = {worker.id for worker in changes.changed}
            for worker_id in self._endpoints.keys() - listed - self._unlisted.keys():
                # A registry that has just restarted does not know its workers yet,
                # and they can still be reached.
                self._unlisted[worker_id] = asyncio.get_running_loop().call_later(
                    GRACE_S, self._drop, worker_id
                )
        self._heard.set()
        self._changed.set()

    def _take(self, worker: Worker) -> None:
        if (handle := self._unlisted.pop(worker.id, None)) is not None:
            handle.cancel()
        known = self._endpoints.get(worker.id)
        if known is not None and _same_process(known.worker, worker):
            known.worker = worker
            return
        self._drop(worker.id)
        endpoint = self._endpoints[worker.id] = self._connect(worker)
        for tool in worker.tools:
            self._pools.setdefault(tool.name, []).append(endpoint)

    def _drop(self, worker_id: str) -> None:
        self._unlisted.pop(worker_id, None)
        endpoint = self._endpoints.pop(worker_id, None)
        if endpoint is None:
            return
        for tool in endpoint.worker.tools:
            self._pools[tool.name].remove(endpoint)
        endpoint.worker.state = WorkerState.WORKER_STATE_DRAINING
        task = asyncio.create_task(self._close_when_idle(endpoint))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close_when_idle(self, endpoint: Endpoint) -> None:
        # The worker may be alive and answering (its lease alone was lost), and a
        # closed channel would take its calls with it. A dead one fails them itself.
        while endpoint.in_flight:
            await self.wait_for_change(1.0)
        await endpoint.close()


def _same_process(one: Worker, other: Worker) -> bool:
    return (one.address, one.pid, one.hostname) == (other.address, other.pid, other.hostname)
