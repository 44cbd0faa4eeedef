"""A worker that must stop before a call is done leaves the call to another."""

from __future__ import annotations

import asyncio

import grpc.aio

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.testing.v1 import EchoRequest, EchoServiceStub

from .conftest import StartWorker
from .gated_echo import GatedEcho, eventually

LONG_S = 20.0


async def test_a_direct_call_is_made_again_elsewhere(hub: Hub, start_worker: StartWorker) -> None:
    slow, quick = GatedEcho(), GatedEcho()
    quick.gate.set()
    worker = await start_worker("slow-0", slow)
    async with Mesh(hub.address) as mesh:
        call = asyncio.create_task(mesh.send(EchoRequest(text="hi"), timeout_s=LONG_S))
        await eventually(lambda: slow.began)
        await start_worker("quick-0", quick)
        await worker.drain()
        response = await call
    slow.gate.set()
    assert (response.text, response.worker_id) == ("hi", "quick-0")


async def test_an_answer_of_a_stream_is_asked_for_again_elsewhere(
    hub: Hub, start_worker: StartWorker
) -> None:
    slow, quick = GatedEcho(), GatedEcho()
    quick.gate.set()
    worker = await start_worker("slow-0", slow)
    async with Mesh(hub.address) as mesh:
        answers = mesh.stream([EchoRequest(text=f"item {i}") for i in range(4)], timeout_s=LONG_S)
        first = asyncio.create_task(anext(answers))
        await eventually(lambda: slow.began)
        await start_worker("quick-0", quick)
        await worker.drain()
        got = [await first, *[answer async for answer in answers]]
    slow.gate.set()
    assert sorted(answer.unwrap().text for answer in got) == [f"item {i}" for i in range(4)]


async def test_a_call_through_the_front_door_is_made_again_elsewhere(
    front_door: grpc.aio.Channel, start_worker: StartWorker
) -> None:
    slow, quick = GatedEcho(), GatedEcho()
    quick.gate.set()
    worker = await start_worker("slow-0", slow)
    echo = EchoServiceStub(front_door)
    call = asyncio.ensure_future(echo.Echo(EchoRequest(text="hi"), timeout=LONG_S))
    await eventually(lambda: slow.began)
    await start_worker("quick-0", quick)
    await worker.drain()
    response = await call
    slow.gate.set()
    assert (response.text, response.worker_id) == ("hi", "quick-0")
