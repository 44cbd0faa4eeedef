"""Registering, listing and watching over the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
import pytest
import pytest_asyncio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from thinkimg_rpc.errors import Conflict, InvalidRequest
from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.settings import HubSettings
from thinkimg_rpc.v1 import (
    HostedTool,
    ListWorkersRequest,
    RegisterRequest,
    RegistryServiceStub,
    WatchWorkersRequest,
    WorkerLoad,
    WorkerOffer,
)

from ...mesh_fixtures import BOUND_S, channel_to, error_of, until
from .offers import ECHO, offer

LOAD = RegisterRequest(load=WorkerLoad(in_flight=1))


@pytest_asyncio.fixture
async def hub() -> AsyncIterator[Hub]:
    running = Hub(HubSettings(address="127.0.0.1:0", drain_s=1))
    await running.start()
    yield running
    await running.drain()


@pytest_asyncio.fixture
async def channel(hub: Hub) -> AsyncIterator[grpc.aio.Channel]:
    async with channel_to(hub.address) as opened:
        yield opened


@pytest.fixture
def registry(channel: grpc.aio.Channel) -> Any:
    return RegistryServiceStub(channel)


@asynccontextmanager
async def registered(registry: Any, offered: WorkerOffer) -> AsyncIterator[Any]:
    """An open lease."""
    lease = registry.Register(timeout=BOUND_S)
    await lease.write(RegisterRequest(offer=offered))
    assert (await lease.read()).heartbeat_s > 0
    try:
        yield lease
    finally:
        lease.cancel()


async def ids(registry: Any, tool: str = "") -> list[str]:
    listed = await registry.ListWorkers(ListWorkersRequest(tool=tool), timeout=BOUND_S)
    return [worker.id for worker in listed.workers]


async def refused(registry: Any, *events: RegisterRequest) -> Exception:
    async def register() -> None:
        async for _ in registry.Register(iter(events), timeout=BOUND_S):
            pass

    return await error_of(register())


async def test_a_worker_is_there_for_as_long_as_its_stream(hub: Hub, registry: Any) -> None:
    async with registered(registry, offer()):
        assert await ids(registry) == ["echo-0"]
        assert await ids(registry, "say") == ["echo-0"]
        assert await ids(registry, "Crop") == []

    await until(lambda: not hub.table.leases)


async def test_a_worker_that_closes_its_side_has_left(registry: Any) -> None:
    async with registered(registry, offer()) as lease:
        await lease.done_writing()
        assert await lease.read() is grpc.aio.EOF  # type: ignore[attr-defined]
        assert await ids(registry) == []


async def test_the_second_of_two_with_one_id_ends_the_firsts_lease(registry: Any) -> None:
    moved = offer(address="127.0.0.1:10")
    async with registered(registry, offer()) as first, registered(registry, moved):
        assert await first.read() is grpc.aio.EOF  # type: ignore[attr-defined]
        assert await ids(registry) == ["echo-0"]


@pytest.mark.parametrize(
    ("events", "field"),
    [
        ([LOAD], "offer"),
        ([RegisterRequest()], "offer"),
        ([], "offer"),
        ([RegisterRequest(offer=offer(""))], "offer.id"),
        ([RegisterRequest(offer=offer(tools=[]))], "offer.tools"),
        ([RegisterRequest(offer=offer(descriptors=b"\xff"))], "offer.descriptors"),
    ],
)
async def test_what_is_no_offer_is_refused_by_its_field(
    registry: Any, events: list[RegisterRequest], field: str
) -> None:
    error = await refused(registry, *events)

    assert isinstance(error, InvalidRequest)
    assert [violation.field for violation in error.violations] == [field]
    assert await ids(registry) == []


async def test_a_name_taken_by_another_contract_is_refused(registry: Any) -> None:
    other = HostedTool(name="Echo", method="/other.v1.EchoService/Echo")
    async with registered(registry, offer()):
        error = await refused(registry, RegisterRequest(offer=offer("other-0", tools=[other])))

        assert isinstance(error, Conflict)
        assert await ids(registry) == ["echo-0"]


async def test_a_second_offer_on_one_stream_changes_nothing(hub: Hub, registry: Any) -> None:
    async with registered(registry, offer()) as lease:
        await lease.write(LOAD)
        await lease.write(RegisterRequest(offer=offer("another")))
        await lease.write(RegisterRequest())
        await until(lambda: hub.table.leases["echo-0"].worker.load.in_flight == 1)

        assert await ids(registry) == ["echo-0"]
        assert hub.table.leases["echo-0"].worker.load.in_flight == 1


async def test_bytes_that_are_no_event_end_the_lease_as_the_workers_fault(
    hub: Hub, channel: grpc.aio.Channel
) -> None:
    raw = RegisterRequest(offer=offer()).SerializeToString()
    method = channel.stream_stream("/thinkimg_rpc.v1.RegistryService/Register", None, None)
    call: Any = method(iter([raw, b"\xff"]), timeout=BOUND_S)
    assert await call.read()
    assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
    await until(lambda: not hub.table.leases)


async def test_watching_gives_the_whole_list_first_and_then_changes(registry: Any) -> None:
    async with registered(registry, offer("first")):
        watch = registry.WatchWorkers(WatchWorkersRequest(), timeout=BOUND_S)
        whole = await watch.read()
        assert whole.snapshot
        assert [worker.id for worker in whole.changed] == ["first"]

        async with registered(registry, offer("second")):
            assert [worker.id for worker in (await watch.read()).changed] == ["second"]
        assert list((await watch.read()).gone) == ["second"]
        watch.cancel()


async def test_a_watcher_that_leaves_is_forgotten(hub: Hub, registry: Any) -> None:
    before = len(hub.table._watchers)
    watch = registry.WatchWorkers(WatchWorkersRequest(), timeout=BOUND_S)
    await watch.read()
    assert len(hub.table._watchers) == before + 1
    watch.cancel()

    await until(lambda: len(hub.table._watchers) == before)


async def test_a_hub_that_drains_ends_leases_and_watches_at_once(hub: Hub, registry: Any) -> None:
    async with registered(registry, offer()) as lease:
        watch = registry.WatchWorkers(WatchWorkersRequest(), timeout=BOUND_S)
        await watch.read()
        await asyncio.wait_for(hub.drain(), 0.9)

        assert await lease.code() is grpc.StatusCode.OK
        while await watch.read() is not grpc.aio.EOF:  # type: ignore[attr-defined]
            pass
        assert await watch.code() is grpc.StatusCode.OK


async def test_health_follows_many_tools_that_join_at_once(
    hub: Hub, registry: Any, channel: grpc.aio.Channel
) -> None:
    health: Any = HealthStub(channel)
    watch = health.Watch(HealthCheckRequest(service=ECHO.service), timeout=BOUND_S)
    assert (await watch.read()).status == HealthCheckResponse.SERVICE_UNKNOWN

    async with registered(registry, offer()):
        assert (await watch.read()).status == HealthCheckResponse.SERVING
        for number in range(20):
            hub.table.add(offer(f"other-{number}"))
    for lease in list(hub.table.leases.values()):
        hub.table.remove(lease)
    assert (await watch.read()).status == HealthCheckResponse.NOT_SERVING
    watch.cancel()
