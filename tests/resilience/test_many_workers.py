"""Two hundred workers: they register quickly, and choosing among them costs what two cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc.aio

from thinkimg_rpc.channel import channel_options, open_channel
from thinkimg_rpc.client.directory import Directory
from thinkimg_rpc.client.endpoint import Endpoint
from thinkimg_rpc.contract import file_descriptor_set
from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.server.lease import Lease
from thinkimg_rpc.settings import MIB
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.v1 import HostedTool, Worker, WorkerLoad, WorkerOffer

from .figures import Figures
from .registry_log import RegistryLog, registry_log
from .served_mesh import ServedMesh

WORKERS = 200
TOOL = "Echo"
DIGEST = "d" * 64
WAIT_S = 30.0
CHOICES = 2000
CASES: dict[str, list[str]] = {"a worker": [], "a worker that holds an image": [DIGEST]}


class WatchedEndpoint(Endpoint):
    """Counts how often an endpoint is looked at."""

    looks = 0

    @property
    def usable(self) -> bool:
        WatchedEndpoint.looks += 1
        return super().usable


@asynccontextmanager
async def simulated_workers(registry: str, count: int) -> AsyncIterator[None]:
    """Leases as `count` workers hold them, each over a connection of its own."""
    # Channels to one address otherwise share one connection.
    options = [*channel_options(4 * MIB), ("grpc.use_local_subchannel_pool", 1)]
    async with AsyncExitStack() as stack:
        holding = []
        for number in range(count):
            channel = grpc.aio.insecure_channel(registry, options=options)
            stack.push_async_callback(channel.close, None)
            lease = Lease(channel, offer(number), lambda: WorkerLoad(), token="")
            holding.append(asyncio.create_task(lease.hold()))
        try:
            yield
        finally:
            for task in holding:
                task.cancel()
            await asyncio.gather(*holding, return_exceptions=True)


def offer(number: int) -> WorkerOffer:
    contract = Echo.contract()
    return WorkerOffer(
        id=f"simulated-{number}",
        address=f"127.0.0.1:{1 + number}",
        tools=[HostedTool(name=TOOL, method=contract.method)],
        descriptors=file_descriptor_set([contract]).SerializeToString(),
        pid=number,
        concurrency=2,
    )


@asynccontextmanager
async def directory(registry: str, workers: int) -> AsyncIterator[Directory]:
    """A client's directory that has heard of so many simulated workers."""

    def connect(worker: Worker) -> Endpoint:
        return WatchedEndpoint(worker, lambda address: open_channel(address, max_message_bytes=MIB))

    channel = open_channel(registry, max_message_bytes=4 * MIB)
    async with simulated_workers(registry, workers):
        known = Directory(channel, connect, token="")
        await known.connect(WAIT_S)
        async with asyncio.timeout(WAIT_S):
            while len(known.hosts(TOOL)) < workers:
                await known.wait_for_change(1.0)
        try:
            yield known
        finally:
            await known.close()
            await channel.close(None)


def looks_per_choice(known: Directory, digests: list[str]) -> float:
    WatchedEndpoint.looks = 0
    for _ in range(CHOICES):
        assert known.choose(TOOL, digests, set()) is not None
    return WatchedEndpoint.looks / CHOICES


def seconds_per_choice(known: Directory, digests: list[str]) -> float:
    """Processor time, so that what else runs does not matter."""

    def run() -> float:
        began = time.thread_time()
        for _ in range(CHOICES):
            known.choose(TOOL, digests, set())
        return (time.thread_time() - began) / CHOICES

    return min(run() for _ in range(5))


async def test_two_hundred_workers_register_at_once(
    served: ServedMesh, log: RegistryLog, figures: Figures
) -> None:
    began = time.monotonic()
    async with simulated_workers(served.address, WORKERS):
        await log.until(lambda: len(log.present) >= WORKERS, WAIT_S)
        figures.seconds(
            f"{WORKERS} simulated workers", "all registered", time.monotonic() - began, 5.0
        )
        async with registry_log(served.address) as late:
            await late.until(lambda: len(late.present) >= WORKERS, WAIT_S)
    await log.until(lambda: len(log.present) < WORKERS, WAIT_S)


async def test_choosing_among_two_hundred_looks_at_no_more_than_among_two(
    hub: Hub, figures: Figures
) -> None:
    looks: dict[int, list[float]] = {}
    seconds: dict[int, list[float]] = {}
    for workers in (2, WORKERS):
        async with directory(hub.address, workers) as known:
            for endpoint in known.hosts(TOOL):
                known.holdings.note(DIGEST, endpoint)
            looks[workers] = [looks_per_choice(known, digests) for digests in CASES.values()]
            seconds[workers] = [seconds_per_choice(known, digests) for digests in CASES.values()]
    for few, many in zip(looks[2], looks[WORKERS], strict=True):
        assert many <= few + 0.1
    for case, few, many in zip(CASES, seconds[2], seconds[WORKERS], strict=True):
        scenario = f"choosing {case}"
        figures.count(scenario, "microseconds with 2 workers", few * 1e6)
        figures.count(scenario, f"microseconds with {WORKERS} workers", many * 1e6)
        promise = 1.25 if figures.full else None
        figures.count(scenario, f"{WORKERS} workers against 2", many / few, promise)
