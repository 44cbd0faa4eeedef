"""Which worker takes a call: the least loaded, preferably one that has the image."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.client.endpoint import Endpoint
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest, EchoServiceStub
from thinkimg_rpc.v1 import Image, WorkerState

from ...mesh_fixtures import png, served, until

CHART = png(200, 100)
CALLS = 12


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Mesh]:
    """Of a mesh of two workers, which run two calls at a time each."""
    async with served([Echo], workers=2, concurrency=2) as mesh, Mesh(mesh.address) as connected:
        yield connected


def endpoints(client: Mesh) -> tuple[Endpoint, Endpoint]:
    first, second = client._directory.hosts("Echo")
    return first, second


async def answered_by(client: Mesh, request: EchoRequest) -> Counter[str]:
    """How many of several calls, one after the other, each worker answered."""
    return Counter([(await client.send(request)).worker_id for _ in range(CALLS)])


async def test_idle_workers_share_the_calls(client: Mesh) -> None:
    assert len(await answered_by(client, EchoRequest())) == 2


async def test_calls_at_once_are_spread_evenly(client: Mesh) -> None:
    calls = [client.send(EchoRequest(delay_s=0.2)) for _ in range(4)]
    answers = await asyncio.gather(*calls)

    assert Counter(answer.worker_id for answer in answers) == {"worker-0": 2, "worker-1": 2}


async def test_the_worker_that_others_keep_busy_is_passed_over(client: Mesh) -> None:
    busy, idle = endpoints(client)
    stub: Any = EchoServiceStub(busy.channel)
    others = [stub.Echo(EchoRequest(delay_s=30), timeout=30) for _ in range(6)]
    await until(lambda: busy.burden > 1)  # the registry has told this client

    assert await answered_by(client, EchoRequest()) == {idle.id: CALLS}
    for call in others:
        call.cancel()


async def test_the_worker_that_has_the_image_is_preferred(client: Mesh) -> None:
    request = EchoRequest(image=client.image(CHART))
    first = (await client.send(request)).worker_id

    assert await answered_by(client, request) == {first: CALLS}


async def test_an_image_does_not_outweigh_a_full_round_of_calls(client: Mesh) -> None:
    request = EchoRequest(image=client.image(CHART))
    first = (await client.send(request)).worker_id
    holder, other = sorted(endpoints(client), key=lambda endpoint: endpoint.id != first)
    holder.in_flight += 2

    assert (await client.send(request)).worker_id == other.id
    holder.in_flight -= 2


async def test_a_worker_that_drains_or_stalls_takes_no_new_calls(client: Mesh) -> None:
    request = EchoRequest(image=Image(data=CHART))
    first = (await client.send(request)).worker_id
    leaving, staying = sorted(endpoints(client), key=lambda endpoint: endpoint.id != first)
    for state in (WorkerState.WORKER_STATE_DRAINING, WorkerState.WORKER_STATE_STALLED):
        leaving.worker.state = state
        assert await answered_by(client, request) == {staying.id: CALLS}


async def test_a_worker_just_found_unreachable_is_avoided_for_a_while(client: Mesh) -> None:
    unreachable, other = endpoints(client)
    unreachable.avoid()

    assert await answered_by(client, EchoRequest()) == {other.id: CALLS}


async def test_a_call_goes_to_a_reluctant_worker_when_there_is_no_other(client: Mesh) -> None:
    for endpoint in endpoints(client):
        endpoint.worker.state = WorkerState.WORKER_STATE_STALLED

    assert sum((await answered_by(client, EchoRequest())).values()) == CALLS
