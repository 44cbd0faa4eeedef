"""Every call has a deadline, the tool knows it, and a bad one is the caller's error."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import grpc.aio
import pytest
import pytest_asyncio

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import DeadlineExceeded, InvalidRequest
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest
from thinkimg_rpc.v1 import Image

from ...mesh_fixtures import WAYS_IN, Served, call_unary, channel_to, error_of, png, served, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
ECHO = ToolContract.from_request(EchoRequest.DESCRIPTOR)
LONG = EchoRequest(delay_s=30)
WITH_IMAGE = EchoRequest(delay_s=30, image=Image(data=png()))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh() -> AsyncIterator[Served]:
    async with served([Echo]) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(mesh: Served) -> AsyncIterator[Mesh]:
    async with Mesh(mesh.address) as connected:
        yield connected


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), float("inf"), -float("inf")])
async def test_a_time_that_is_none_is_named(client: Mesh, timeout_s: float) -> None:
    error = await error_of(client.send(EchoRequest(), timeout_s=timeout_s))

    assert type(error) is InvalidRequest
    assert [violation.field for violation in error.violations] == ["timeout_s"]
    assert (await client.send(EchoRequest(text="next"))).text == "next"


@pytest.mark.parametrize("timeout_s", [1e9, 1e18, 1e300])
@pytest.mark.parametrize("image", [False, True])
async def test_a_very_long_time_is_as_good_as_any(
    client: Mesh, timeout_s: float, image: bool
) -> None:
    request = EchoRequest(text="soon")
    if image:
        request.image.data = png(width=10 + int(timeout_s % 97))
    assert (await client.send(request, timeout_s=timeout_s)).text == "soon"


@pytest.mark.parametrize("request_", [LONG, WITH_IMAGE])
async def test_the_call_ends_in_time_and_so_does_its_tool(
    client: Mesh, mesh: Served, request_: EchoRequest
) -> None:
    started = time.monotonic()
    error = await error_of(client.send(request_, timeout_s=0.2))

    assert isinstance(error, DeadlineExceeded)
    assert time.monotonic() - started < 1
    await until(lambda: mesh.workers[0]._queue.running == 0)


@pytest.mark.parametrize("request_", [LONG, WITH_IMAGE])
async def test_a_call_given_up_stops_its_tool_and_disturbs_no_other(
    client: Mesh, mesh: Served, request_: EchoRequest
) -> None:
    queue = mesh.workers[0]._queue
    other = asyncio.create_task(client.send(EchoRequest(text="other", delay_s=0.3)))
    given_up = asyncio.create_task(client.send(request_))
    await until(lambda: queue.running == 2)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up

    assert (await other).text == "other"
    await until(lambda: queue.running == 0)


@pytest.mark.parametrize("way_in", WAYS_IN)
async def test_a_deadline_already_passed_is_told_at_once(mesh: Served, way_in: str) -> None:
    started = time.monotonic()
    async with channel_to(mesh.way_in(way_in)) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call_unary(channel, ECHO, LONG.SerializeToString(), timeout_s=0)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await until(lambda: mesh.workers[0]._queue.running == 0)
        await call_unary(channel, ECHO, EchoRequest().SerializeToString())

    assert time.monotonic() - started < 1


async def test_the_deadline_passes_while_another_callers_upload_is_awaited(
    client: Mesh, mesh: Served
) -> None:
    (endpoint,) = client._directory.hosts("Echo")
    image = client.image(png(77, 55))
    endpoint.uploads[image.digest] = asyncio.get_running_loop().create_future()

    error = await error_of(client.send(EchoRequest(image=image), timeout_s=0.1))

    del endpoint.uploads[image.digest]
    assert isinstance(error, DeadlineExceeded)
    assert "image" in error.message
