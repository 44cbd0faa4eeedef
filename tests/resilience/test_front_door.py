"""The front door passes calls on as they are: what goes in, what comes out, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest

from thinkimg_rpc.errors import InvalidRequest, Overloaded, Unsupported
from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.status import from_rpc_error
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import (
    EchoRequest,
    EchoServiceStub,
    EchoStreamRequest,
    EchoStreamResponse,
)
from thinkimg_rpc.v1 import CropRequest, CropServiceStub

from .conftest import StartWorker
from .gated_echo import GatedEcho, eventually

if TYPE_CHECKING:
    from thinkimg_rpc.testing.v1.echo_pb2_grpc import EchoServiceAsyncStub

LONG_S = 20.0


@pytest.fixture
def echo(front_door: grpc.aio.Channel) -> EchoServiceAsyncStub:
    return EchoServiceStub(front_door)


@pytest.fixture
async def gated(start_worker: StartWorker) -> AsyncIterator[GatedEcho]:
    """A tool behind the front door that answers when told to."""
    tool = GatedEcho()
    await start_worker("gated-0", tool, concurrency=1, queue_length=1)
    yield tool
    tool.gate.set()


async def failure_of(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value


async def test_a_unary_call_passes_through(
    echo: EchoServiceAsyncStub, start_worker: StartWorker
) -> None:
    await start_worker("echo-0", Echo())
    payload = bytes(range(256)) * 4096
    response = await echo.Echo(EchoRequest(text="hi", payload=payload), timeout=LONG_S)
    assert (response.text, response.worker_id) == ("hi", "echo-0")
    assert response.payload == payload


async def test_a_stream_passes_through_item_by_item(
    echo: EchoServiceAsyncStub, start_worker: StartWorker
) -> None:
    await start_worker("echo-0", Echo())
    call = echo.EchoStream(None, timeout=LONG_S)
    for number in range(3):
        await call.write(
            EchoStreamRequest(request_id=str(number), request=EchoRequest(text=f"item {number}"))
        )
        # The answer comes while the stream is still open for more.
        answer = await call.read()
        assert isinstance(answer, EchoStreamResponse)
        assert (answer.request_id, answer.response.text) == (str(number), f"item {number}")
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF  # type: ignore[attr-defined]
    assert await call.code() is grpc.StatusCode.OK


async def test_the_deadline_reaches_the_tool(echo: EchoServiceAsyncStub, gated: GatedEcho) -> None:
    failure = await failure_of(echo.Echo(EchoRequest(text="late"), timeout=0.2))
    assert failure.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await eventually(lambda: gated.stopped)
    assert gated.stopped["late"] in ("DeadlineExceeded", "Cancelled")


async def test_cancelling_a_call_reaches_the_tool(
    echo: EchoServiceAsyncStub, gated: GatedEcho
) -> None:
    call = echo.Echo(EchoRequest(text="given up"), timeout=LONG_S)
    await eventually(lambda: gated.began)
    call.cancel()
    await eventually(lambda: gated.stopped)
    assert gated.stopped == {"given up": "Cancelled"}


async def test_cancelling_a_stream_reaches_the_tool(
    echo: EchoServiceAsyncStub, gated: GatedEcho
) -> None:
    call = echo.EchoStream(None, timeout=LONG_S)
    await call.write(EchoStreamRequest(request_id="1", request=EchoRequest(text="given up")))
    await eventually(lambda: gated.began)
    call.cancel()
    await eventually(lambda: gated.stopped)
    assert gated.stopped == {"given up": "Cancelled"}


async def test_cancelling_an_item_of_a_stream_leaves_the_stream_standing(
    echo: EchoServiceAsyncStub, gated: GatedEcho
) -> None:
    call = echo.EchoStream(None, timeout=LONG_S)
    await call.write(EchoStreamRequest(request_id="1", request=EchoRequest(text="given up")))
    await eventually(lambda: gated.began)
    cancel = EchoStreamRequest(request_id="1")
    cancel.cancel.SetInParent()
    await call.write(cancel)
    await eventually(lambda: gated.stopped)
    gated.gate.set()
    answer = await call.read()
    assert isinstance(answer, EchoStreamResponse)
    assert answer.error.code == grpc.StatusCode.CANCELLED.value[0]
    await call.write(EchoStreamRequest(request_id="2", request=EchoRequest(text="next")))
    answer = await call.read()
    assert isinstance(answer, EchoStreamResponse)
    assert answer.response.text == "next"
    call.cancel()


async def test_an_error_keeps_its_details(
    echo: EchoServiceAsyncStub, start_worker: StartWorker
) -> None:
    await start_worker("echo-0", Echo())
    error = from_rpc_error(await failure_of(echo.Echo(EchoRequest(delay_s=-1), timeout=LONG_S)))
    assert isinstance(error, InvalidRequest)
    assert [violation.field for violation in error.violations] == ["delay_s"]


async def test_an_overload_keeps_its_time_to_come_back(
    echo: EchoServiceAsyncStub, gated: GatedEcho
) -> None:
    def call() -> asyncio.Future[Any]:
        return asyncio.ensure_future(echo.Echo(EchoRequest(text="hi"), timeout=LONG_S))

    running = call()
    await eventually(lambda: gated.began)
    calls = [call(), call()]
    await eventually(lambda: any(call.done() for call in calls))
    (refused,) = (call.exception() for call in calls if call.done())
    assert isinstance(refused, grpc.aio.AioRpcError)
    error = from_rpc_error(refused)
    assert isinstance(error, Overloaded)
    assert error.retry_after_s
    gated.gate.set()
    await asyncio.gather(running, *calls, return_exceptions=True)


async def test_a_service_that_never_was_is_unimplemented_and_the_tools_are_named(
    front_door: grpc.aio.Channel, start_worker: StartWorker
) -> None:
    await start_worker("echo-0", Echo())
    failure = await failure_of(CropServiceStub(front_door).Crop(CropRequest(), timeout=LONG_S))
    error = from_rpc_error(failure)
    assert isinstance(error, Unsupported)
    assert "Echo" in error.message


async def test_a_service_whose_workers_have_all_left_is_unavailable(
    hub: Hub, echo: EchoServiceAsyncStub, start_worker: StartWorker
) -> None:
    worker = await start_worker("echo-0", Echo())
    await worker.drain()
    await eventually(lambda: not hub.table.leases)
    failure = await failure_of(echo.Echo(EchoRequest(), timeout=LONG_S))
    assert failure.code() is grpc.StatusCode.UNAVAILABLE
    assert "EchoService" in (failure.details() or "")


async def test_a_call_in_flight_outlives_the_lease_of_its_worker(
    hub: Hub, echo: EchoServiceAsyncStub, start_worker: StartWorker
) -> None:
    tool = GatedEcho()
    worker = await start_worker("gated-0", tool)
    call = asyncio.ensure_future(echo.Echo(EchoRequest(text="hi"), timeout=LONG_S))
    await eventually(lambda: tool.began)
    # As when a worker that drains has nothing left but this answer.
    worker.leasing.cancel()
    await eventually(lambda: not hub.table.leases)
    tool.gate.set()
    assert (await call).text == "hi"
