"""`Mesh.stream`: many requests, answered as each is ready."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import DeadlineExceeded, InternalFault, InvalidRequest
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest
from thinkimg_rpc.v1 import Box, CropRequest, CropResponse, Image
from thinkimg_workers.crop import Crop

from ...mesh_fixtures import BOUND_S, Served, png, served, until
from ...wiretap import Wiretap

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh() -> AsyncIterator[Served]:
    async with served([Echo, Crop], concurrency=4) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(mesh: Served) -> AsyncIterator[Mesh]:
    async with Mesh(mesh.address) as connected:
        yield connected


def echoes(*texts: str, **request: Any) -> list[EchoRequest]:
    return [EchoRequest(text=text, **request) for text in texts]


async def test_answers_come_as_each_is_ready_with_their_place(client: Mesh) -> None:
    requests = [EchoRequest(text="slow", delay_s=0.2), *echoes("quick", "quicker")]

    answers = [answer async for answer in client.stream(requests)]

    assert answers[-1].index == 0
    assert {a.index: a.unwrap().text for a in answers} == {0: "slow", 1: "quick", 2: "quicker"}


async def test_one_requests_failure_is_its_own_answer(client: Mesh) -> None:
    requests = [
        EchoRequest(text="before"),
        EchoRequest(delay_s=-1),
        EchoRequest(fail=True),
        EchoRequest(delay_s=30),
        EchoRequest(text="after"),
    ]

    answers = {a.index: a async for a in client.stream(requests, timeout_s=0.3)}

    kinds = {index: type(answer.error) for index, answer in answers.items() if answer.error}
    assert kinds == {1: InvalidRequest, 2: InternalFault, 3: DeadlineExceeded}
    with pytest.raises(InvalidRequest, match="delay_s"):
        answers[1].unwrap()
    assert [answers[index].unwrap().text for index in (0, 4)] == ["before", "after"]


async def test_requests_of_several_tools_go_together(client: Mesh) -> None:
    crop = CropRequest(image=Image(data=png()), box=Box(x0=0, y0=0, x1=9, y1=9))

    answers = {a.index: a.unwrap() async for a in client.stream([*echoes("one"), crop])}

    assert answers[0].text == "one"
    assert isinstance(answers[1], CropResponse)


async def test_a_source_may_wait_for_the_answer_before_it_goes_on(client: Mesh) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def conversation() -> AsyncIterator[EchoRequest]:
        yield EchoRequest(text="0")
        for _ in range(3):
            yield EchoRequest(text=str(int(await heard.get()) + 1))

    said = []
    async with asyncio.timeout(BOUND_S):
        async for answer in client.stream(conversation()):
            said.append(answer.unwrap().text)
            heard.put_nowait(said[-1])

    assert said == ["0", "1", "2", "3"]


async def test_no_more_requests_are_taken_ahead_than_asked_for(client: Mesh) -> None:
    taken, answered = 0, 0

    def source() -> Iterator[EchoRequest]:
        nonlocal taken
        for _ in range(20):
            taken += 1
            assert taken - answered <= 4
            yield EchoRequest()

    async for _ in client.stream(source(), in_flight=3):
        answered += 1

    assert (taken, answered) == (20, 20)


async def test_leaving_the_loop_stops_what_is_in_flight(client: Mesh, mesh: Served) -> None:
    queue = mesh.workers[0]._queue
    answers = client.stream([*echoes("first"), *echoes(*"abc", delay_s=30)])
    async for answer in answers:
        assert answer.unwrap().text == "first"
        break
    await answers.aclose()

    await until(lambda: queue.running == 0 and queue.waiting == 0)
    assert (await client.send(EchoRequest(text="next"))).text == "next"


async def test_a_source_that_fails_ends_the_stream_with_its_own_error(
    client: Mesh, mesh: Served
) -> None:
    async def source() -> AsyncIterator[EchoRequest]:
        yield EchoRequest(delay_s=30)
        raise LookupError("no more samples")

    with pytest.raises(LookupError, match="no more samples"):
        async for _ in client.stream(source()):
            pass
    await until(lambda: mesh.workers[0]._queue.running == 0)


async def test_leaving_the_loop_closes_the_source(client: Mesh) -> None:
    closed = asyncio.Event()

    async def source() -> AsyncIterator[EchoRequest]:
        try:
            yield EchoRequest(text="first")
            await asyncio.Event().wait()
        finally:
            closed.set()

    answers = client.stream(source())
    assert (await anext(answers)).unwrap().text == "first"
    await answers.aclose()

    await asyncio.wait_for(closed.wait(), BOUND_S)


async def test_nothing_to_ask_gives_nothing(client: Mesh) -> None:
    assert [answer async for answer in client.stream([])] == []


async def test_an_image_in_many_requests_is_sent_once(tap: Wiretap) -> None:
    chart = png(50, 60)
    async with served([Echo], concurrency=4) as mesh, Mesh(mesh.address) as client:
        requests = [EchoRequest(image=Image(data=chart)) for _ in range(20)]
        sizes = {a.unwrap().image_height async for a in client.stream(requests)}

    assert sizes == {60}
    assert tap.carrying(chart) == 1


async def test_a_thousand_requests_use_one_stream(tap: Wiretap) -> None:
    async with served([Echo]) as mesh, Mesh(mesh.address) as client:
        texts = [str(number) for number in range(1000)]
        answers = {a.index: a.unwrap().text async for a in client.stream(echoes(*texts))}

    assert [answers[index] for index in range(1000)] == texts
    assert set(tap.methods()) == {"EchoStream"}
