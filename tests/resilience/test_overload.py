"""What a worker does when more is asked of it than it can do, or nobody waits any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import grpc
import grpc.aio
import pytest

from thinkimg_rpc.channel import open_channel
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import DeadlineExceeded, Overloaded
from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.server.worker import Worker
from thinkimg_rpc.settings import MIB
from thinkimg_rpc.status import from_rpc_error
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest, EchoServiceStub

from .conftest import StartWorker
from .gated_echo import GatedEcho, eventually

if TYPE_CHECKING:
    from thinkimg_rpc.testing.v1.echo_pb2_grpc import EchoServiceAsyncStub

LONG_S = 20.0


@pytest.fixture
def tool() -> GatedEcho:
    return GatedEcho()


@pytest.fixture
async def worker(start_worker: StartWorker, tool: GatedEcho) -> AsyncIterator[Worker]:
    """Runs one call at a time and lets one more wait; its thread is freed at the end."""
    yield await start_worker("echo-0", tool, concurrency=1, queue_length=1)
    tool.gate.set()


@pytest.fixture
async def echo(worker: Worker) -> AsyncIterator[EchoServiceAsyncStub]:
    """The worker's stub, without the client's retries."""
    channel = open_channel(worker.address, max_message_bytes=MIB)
    yield EchoServiceStub(channel)
    await channel.close(None)


@pytest.fixture
async def mesh(hub: Hub, worker: Worker) -> AsyncIterator[Mesh]:
    async with Mesh(hub.address) as connected:
        yield connected


def queued(hub: Hub, worker: Worker, count: int) -> bool:
    """Whether the worker reports so many calls waiting."""
    worker.lease.report_now()
    return hub.table.leases[worker.settings.id].worker.load.queued == count


async def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(
    echo: EchoServiceAsyncStub, tool: GatedEcho
) -> None:
    first = asyncio.ensure_future(echo.Echo(EchoRequest(text="running"), timeout=LONG_S))
    await eventually(lambda: tool.began)
    calls = [
        asyncio.ensure_future(echo.Echo(EchoRequest(text="waiting"), timeout=LONG_S))
        for _ in range(3)
    ]
    await eventually(lambda: sum(call.done() for call in calls) == 2)
    for call in calls:
        if call.done():
            failure = call.exception()
            assert isinstance(failure, grpc.aio.AioRpcError)
            assert failure.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            error = from_rpc_error(failure)
            assert isinstance(error, Overloaded)
            assert error.retry_after_s
    tool.gate.set()
    await first
    assert tool.began == ["running", "waiting"]


async def test_a_client_tries_again_until_there_is_room(
    hub: Hub, start_worker: StartWorker
) -> None:
    await start_worker("narrow-0", Echo(), concurrency=1, queue_length=1)
    async with Mesh(hub.address) as mesh, asyncio.TaskGroup() as group:
        calls = [
            group.create_task(mesh.send(EchoRequest(text=str(i), delay_s=0.02), timeout_s=LONG_S))
            for i in range(24)
        ]
    assert [call.result().text for call in calls] == [str(i) for i in range(24)]


async def test_a_call_that_expires_while_it_waits_is_never_run(
    echo: EchoServiceAsyncStub, mesh: Mesh, tool: GatedEcho
) -> None:
    running = asyncio.ensure_future(echo.Echo(EchoRequest(text="running"), timeout=LONG_S))
    await eventually(lambda: tool.began)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await echo.Echo(EchoRequest(text="expired"), timeout=0.1)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    with pytest.raises(DeadlineExceeded):
        await mesh.send(EchoRequest(text="expired"), timeout_s=0.3)
    tool.gate.set()
    await running
    await echo.Echo(EchoRequest(text="next"), timeout=LONG_S, wait_for_ready=True)
    assert tool.began == ["running", "next"]


async def test_a_call_that_is_cancelled_while_it_waits_gives_up_its_place_unrun(
    hub: Hub, worker: Worker, echo: EchoServiceAsyncStub, mesh: Mesh, tool: GatedEcho
) -> None:
    running = asyncio.ensure_future(echo.Echo(EchoRequest(text="running"), timeout=LONG_S))
    await eventually(lambda: tool.began)
    waiting = asyncio.create_task(mesh.send(EchoRequest(text="given up")))
    await eventually(lambda: queued(hub, worker, 1))
    waiting.cancel()
    await eventually(lambda: queued(hub, worker, 0))
    in_its_place = asyncio.create_task(mesh.send(EchoRequest(text="next")))
    await eventually(lambda: queued(hub, worker, 1))
    tool.gate.set()
    await asyncio.gather(running, in_its_place)
    assert tool.began == ["running", "next"]


async def test_a_running_tool_learns_that_its_caller_is_gone(mesh: Mesh, tool: GatedEcho) -> None:
    call = asyncio.create_task(mesh.send(EchoRequest(text="hello")))
    await eventually(lambda: tool.began)
    call.cancel()
    await eventually(lambda: tool.stopped)
    assert tool.stopped == {"hello": "Cancelled"}


async def test_a_running_tool_learns_that_its_time_is_over(mesh: Mesh, tool: GatedEcho) -> None:
    with pytest.raises(DeadlineExceeded):
        await mesh.send(EchoRequest(text="hello"), timeout_s=0.2)
    await eventually(lambda: tool.stopped)
    # gRPC cancels the call at its deadline, which may reach the tool first.
    assert tool.stopped["hello"] in ("DeadlineExceeded", "Cancelled")
    assert tool.began == ["hello"]


async def test_a_stream_that_is_left_stops_what_it_asked_for(mesh: Mesh, tool: GatedEcho) -> None:
    requests = [EchoRequest(text="running"), EchoRequest(text="waiting")]
    answers = mesh.stream(requests, timeout_s=LONG_S)
    waiting = asyncio.create_task(anext(answers))
    await eventually(lambda: tool.began)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await answers.aclose()
    await eventually(lambda: tool.stopped)
    tool.gate.set()
    await mesh.send(EchoRequest(text="next"), timeout_s=LONG_S)
    assert tool.began == ["running", "next"]


async def test_an_item_of_a_stream_has_a_deadline_of_its_own(mesh: Mesh, tool: GatedEcho) -> None:
    answers = [a async for a in mesh.stream([EchoRequest(text="late")], timeout_s=0.2)]
    assert isinstance(answers[0].error, DeadlineExceeded)
    await eventually(lambda: tool.stopped)
    tool.gate.set()
    assert (await mesh.send(EchoRequest(text="next"), timeout_s=LONG_S)).text == "next"


async def test_a_call_that_is_given_up_disturbs_no_other(
    hub: Hub, start_worker: StartWorker
) -> None:
    tool = GatedEcho()
    await start_worker("wide-0", tool, concurrency=8)
    async with Mesh(hub.address) as mesh, asyncio.TaskGroup() as group:
        calls = [group.create_task(mesh.send(EchoRequest(text=f"call {i}"))) for i in range(6)]
        await eventually(lambda: len(tool.began) == 6)
        for turns in range(12):
            given_up = asyncio.create_task(mesh.send(EchoRequest(text="given up")))
            for _ in range(turns):
                # One turn of the event loop, so that it is cancelled at each of its steps.
                await asyncio.sleep(0)
            given_up.cancel()
        tool.gate.set()
    assert [call.result().text for call in calls] == [f"call {i}" for i in range(6)]
    # None had to be sent again because what it was sent over had broken.
    assert sorted(text for text in tool.began if text != "given up") == [
        f"call {i}" for i in range(6)
    ]
