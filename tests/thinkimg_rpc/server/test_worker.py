"""A worker from its start to its end."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import grpc
import grpc.aio
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.contract import ContractError
from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.server.worker import Worker
from thinkimg_rpc.settings import CannotStart, HubSettings, WorkerSettings
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest, EchoServiceStub
from thinkimg_rpc.tool import Tool

from ...mesh_fixtures import BOUND_S, channel_to, served, until


def settings(hub: Hub, **changes: Any) -> WorkerSettings:
    fields = {"id": "echo-0", "tools": (), "registry": hub.address, "drain_s": 1.0}
    return WorkerSettings(**{**fields, **changes})


async def started_hub() -> Hub:
    hub = Hub(HubSettings(address="127.0.0.1:0", drain_s=0))
    await hub.start()
    return hub


class SlowToLoad(Echo):
    """Takes its time to set up."""

    go_on: ClassVar[asyncio.Event]
    loop: ClassVar[asyncio.AbstractEventLoop]
    backend = "unset"

    def setup(self) -> None:
        self.backend = "loaded"
        asyncio.run_coroutine_threadsafe(self.go_on.wait(), self.loop).result(BOUND_S)


async def test_it_registers_only_when_its_tools_are_set_up() -> None:
    SlowToLoad.go_on, SlowToLoad.loop = asyncio.Event(), asyncio.get_running_loop()
    hub = await started_hub()
    worker = Worker(settings(hub), [SlowToLoad()])
    starting = asyncio.create_task(worker.start())
    await asyncio.sleep(0.05)
    assert not hub.table.leases

    SlowToLoad.go_on.set()
    await starting
    await asyncio.wait_for(worker.lease.registered.wait(), BOUND_S)
    (listed,) = hub.table.listed("Echo")
    assert listed.tools[0].backend == "loaded"
    assert listed.address == worker.address
    await worker.drain()
    await hub.drain()


async def test_a_draining_worker_says_so_and_finishes_what_it_has() -> None:
    async with served([Echo]) as mesh, Mesh(mesh.address) as client:
        worker = mesh.workers[0]
        async with channel_to(worker.address) as channel:
            health: Any = HealthStub(channel)
            watch = health.Watch(HealthCheckRequest(), timeout=BOUND_S)
            assert (await watch.read()).status == HealthCheckResponse.SERVING
            call = asyncio.create_task(client.send(EchoRequest(text="last", delay_s=0.3)))
            await until(lambda: worker._queue.running == 1)
            draining = asyncio.create_task(worker.drain())

            assert (await watch.read()).status == HealthCheckResponse.NOT_SERVING
            assert (await call).text == "last"
            watch.cancel()
            await draining
        assert not mesh.hub.table.leases


async def test_a_host_that_others_dial_is_what_it_registers() -> None:
    hub = await started_hub()
    worker = Worker(settings(hub, advertise_host="localhost"), [Echo()])
    await worker.start()
    await asyncio.wait_for(worker.lease.registered.wait(), BOUND_S)

    (listed,) = hub.table.listed()
    assert listed.address.startswith("localhost:")
    async with channel_to(listed.address) as channel:
        answer = await EchoServiceStub(channel).Echo(EchoRequest(text="here"), timeout=BOUND_S)
        assert answer.worker_id == "echo-0"
    await worker.drain()
    await hub.drain()


async def test_a_port_that_is_taken_cannot_be_had() -> None:
    hub = await started_hub()
    with pytest.raises(CannotStart, match=hub.address):
        await Worker(settings(hub, address=hub.address), [Echo()]).start()
    await hub.drain()


class Untyped(Tool):  # type: ignore[type-arg]
    """Does not say what it answers."""


async def test_a_tool_without_a_contract_cannot_be_served() -> None:
    hub = await started_hub()
    with pytest.raises(ContractError, match="class Untyped"):
        await Worker(settings(hub), [Untyped()]).start()
    await hub.drain()


async def test_it_tells_the_registry_what_it_has_done() -> None:
    async with served([Echo]) as mesh, Mesh(mesh.address) as client:
        requests = [EchoRequest(), EchoRequest(delay_s=-1), EchoRequest(fail=True)]
        assert len([answer async for answer in client.stream(requests)]) == 3
        (lease,) = mesh.hub.table.leases.values()
        await until(lambda: lease.worker.load.calls == 5)

    assert (lease.worker.load.caller_errors, lease.worker.load.faults) == (1, 3)
    assert lease.worker.load.resident_bytes > 1 << 20


async def test_a_method_it_does_not_have_is_unimplemented() -> None:
    async with served([Echo]) as mesh, channel_to(mesh.workers[0].address) as channel:
        method = channel.unary_unary("/thinkimg_rpc.testing.v1.EchoService/Shout", None, None)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await method(b"", timeout=BOUND_S)

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
