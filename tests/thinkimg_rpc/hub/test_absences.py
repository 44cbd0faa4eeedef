"""Workers that should serve and do not are told to whoever asks the registry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.settings import HubSettings
from thinkimg_rpc.v1 import (
    AbsenceState,
    AbsentWorker,
    ListWorkersRequest,
    RegisterRequest,
    RegistryServiceStub,
    ReportAbsentRequest,
)

from ...mesh_fixtures import BOUND_S, channel_to
from .offers import offer

FAILED = AbsenceState.ABSENCE_STATE_FAILED
REASON = "no module named torch"


@pytest_asyncio.fixture
async def hub() -> AsyncIterator[Hub]:
    running = Hub(HubSettings(address="127.0.0.1:0", drain_s=20))
    await running.start()
    yield running
    await running.drain()


@pytest_asyncio.fixture
async def registry(hub: Hub) -> AsyncIterator[Any]:
    async with channel_to(hub.address) as channel:
        yield RegistryServiceStub(channel)


async def report(registry: Any, *ids: str) -> Any:
    """A supervisor's open report of workers that have failed."""
    stream = registry.ReportAbsent(timeout=BOUND_S)
    await tell(stream, *ids)
    return stream


async def tell(stream: Any, *ids: str) -> None:
    absent = [AbsentWorker(id=id, state=FAILED, reason=REASON) for id in ids]
    await stream.write(ReportAbsentRequest(workers=absent))


async def listed(registry: Any, *ids: str) -> list[AbsentWorker]:
    """Those listed as absent, once they are `ids`."""
    async with asyncio.timeout(BOUND_S):
        while True:
            answer = await registry.ListWorkers(ListWorkersRequest())
            if [worker.id for worker in answer.absent] == list(ids):
                return list(answer.absent)
            await asyncio.sleep(0.01)


async def test_those_that_supervisors_tell_of_are_listed_with_the_reason(registry: Any) -> None:
    first, second = await report(registry, "ocr-0"), await report(registry, "sam-0", "crop-0")
    workers = await listed(registry, "crop-0", "ocr-0", "sam-0")
    assert {(worker.state, worker.reason) for worker in workers} == {(FAILED, REASON)}
    await tell(second, "sam-0")
    await listed(registry, "ocr-0", "sam-0")
    first.cancel()
    await listed(registry, "sam-0")
    await second.done_writing()
    await second
    await listed(registry)


async def test_a_worker_that_has_registered_meanwhile_is_absent_no_more(registry: Any) -> None:
    await report(registry, "echo-0", "sam-0")
    await listed(registry, "echo-0", "sam-0")
    lease = registry.Register(timeout=BOUND_S)
    await lease.write(RegisterRequest(offer=offer("echo-0")))
    await listed(registry, "sam-0")
    lease.cancel()
    await listed(registry, "echo-0", "sam-0")


async def test_a_report_does_not_hold_up_a_hub_that_stops(hub: Hub, registry: Any) -> None:
    stream = await report(registry, "ocr-0")
    await listed(registry, "ocr-0")
    async with asyncio.timeout(BOUND_S):
        await hub.drain()
        assert await stream is not None
