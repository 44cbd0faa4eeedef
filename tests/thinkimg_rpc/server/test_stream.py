"""A tool's stream: one item's failure is answered in that item, and the stream lives on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
import pytest

from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import (
    Cancelled,
    DeadlineExceeded,
    InternalFault,
    InvalidRequest,
    ThinkImgError,
    from_status,
)
from thinkimg_rpc.server.worker import Worker
from thinkimg_rpc.testing.v1 import (
    EchoRequest,
    EchoServiceStub,
    EchoStreamRequest,
    EchoStreamResponse,
)
from thinkimg_rpc.v1 import StreamCancel

from ...mesh_fixtures import BOUND_S, call_stream, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
ECHO = ToolContract.from_request(EchoRequest.DESCRIPTOR)
NAN, INFINITY = float("nan"), float("inf")


def item(request_id: str, text: str = "", timeout_s: float = 0, **request: Any) -> Any:
    return EchoStreamRequest(
        request_id=request_id,
        timeout_s=timeout_s,
        request=EchoRequest(text=text or request_id, **request),
    )


def cancel(request_id: str) -> EchoStreamRequest:
    return EchoStreamRequest(request_id=request_id, cancel=StreamCancel())


def errors_in(answers: list[EchoStreamResponse]) -> dict[str, ThinkImgError]:
    return {a.request_id: from_status(a.error) for a in answers if a.HasField("error")}


def texts_in(answers: list[EchoStreamResponse]) -> list[str]:
    return [a.response.text for a in answers if a.HasField("response")]


@asynccontextmanager
async def open_stream(channel: grpc.aio.Channel) -> AsyncIterator[Any]:
    stub: Any = EchoServiceStub(channel)
    call = stub.EchoStream(timeout=BOUND_S)
    try:
        yield call
    finally:
        call.cancel()


async def test_answers_come_as_each_is_ready(channel: grpc.aio.Channel) -> None:
    answers = await call_stream(channel, ECHO, item("slow", delay_s=0.2), item("quick"))

    assert texts_in(answers) == ["quick", "slow"]


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (EchoStreamRequest(request_id="bad"), "item"),
        (item("", text="no id"), "request_id"),
        (item("bad", timeout_s=NAN), "timeout_s"),
        (item("bad", timeout_s=INFINITY), "timeout_s"),
        (item("bad", timeout_s=-1), "timeout_s"),
        (item("bad", delay_s=NAN), "delay_s"),
        (item("bad", text="x" * 100_001), "text"),
    ],
)
async def test_a_wrong_item_is_answered_in_its_item(
    channel: grpc.aio.Channel, bad: EchoStreamRequest, field: str
) -> None:
    answers = await call_stream(channel, ECHO, item("before"), bad, item("after"))

    (error,) = errors_in(answers).values()
    assert isinstance(error, InvalidRequest)
    assert [violation.field for violation in error.violations] == [field]
    assert sorted(texts_in(answers)) == ["after", "before"]


@pytest.mark.parametrize("raw", [b"\xff", b"\x0a\xff", b"\x0a\x02\xff\xff", b"\x1a\x05abc"])
async def test_bytes_that_are_no_message_are_answered_without_an_id(
    channel: grpc.aio.Channel, raw: bytes
) -> None:
    answers = await call_stream(channel, ECHO, item("before"), raw, item("after"))

    assert "EchoStreamRequest" in errors_in(answers)[""].message
    assert isinstance(errors_in(answers)[""], InvalidRequest)
    assert sorted(texts_in(answers)) == ["after", "before"]


async def test_an_id_in_flight_cannot_be_used_twice(channel: grpc.aio.Channel) -> None:
    first, second = item("same", text="first", delay_s=0.1), item("same", text="second")

    answers = await call_stream(channel, ECHO, first, second)

    assert "in flight" in errors_in(answers)["same"].message
    assert texts_in(answers) == ["first"]


async def test_an_answered_id_can_be_used_again(channel: grpc.aio.Channel) -> None:
    async with open_stream(channel) as stream:
        for text in ("first", "second"):
            await stream.write(item("same", text=text))
            assert (await stream.read()).response.text == text


async def test_a_cancelled_item_is_answered_and_its_tool_stops(
    channel: grpc.aio.Channel, worker: Worker
) -> None:
    async with open_stream(channel) as stream:
        await stream.write(item("long", delay_s=30))
        await until(lambda: worker._queue.running == 1)
        await stream.write(cancel("long"))
        answer = await stream.read()

        assert isinstance(errors_in([answer])["long"], Cancelled)
        await until(lambda: worker._queue.running == 0)
        await stream.write(item("next"))
        assert (await stream.read()).response.text == "next"


async def test_cancelling_what_is_not_in_flight_does_nothing(channel: grpc.aio.Channel) -> None:
    answers = await call_stream(channel, ECHO, cancel("unknown"), cancel(""), item("next"))

    assert texts_in(answers) == ["next"]
    assert len(answers) == 1


async def test_an_items_time_is_its_own(channel: grpc.aio.Channel, worker: Worker) -> None:
    late, patient = item("late", timeout_s=0.05, delay_s=30), item("patient", delay_s=0.2)

    answers = await call_stream(channel, ECHO, late, patient)

    assert isinstance(errors_in(answers)["late"], DeadlineExceeded)
    assert texts_in(answers) == ["patient"]
    await until(lambda: worker._queue.running == 0)


async def test_a_bug_in_a_tool_is_answered_in_its_item(channel: grpc.aio.Channel) -> None:
    answers = await call_stream(channel, ECHO, item("bug", fail=True), item("next"))

    assert isinstance(errors_in(answers)["bug"], InternalFault)
    assert "RuntimeError: asked to fail" in errors_in(answers)["bug"].message
    assert texts_in(answers) == ["next"]


async def test_closing_the_sending_side_lets_items_finish(channel: grpc.aio.Channel) -> None:
    async with open_stream(channel) as stream:
        await stream.write(item("last", delay_s=0.1))
        await stream.done_writing()

        assert (await stream.read()).response.text == "last"
        assert await stream.read() is grpc.aio.EOF  # type: ignore[attr-defined]
        assert await stream.code() is grpc.StatusCode.OK


async def test_a_client_that_leaves_ends_its_items(
    channel: grpc.aio.Channel, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_stream(channel) as stream:
        for number in range(40):
            await stream.write(item(str(number), delay_s=30))
        await until(lambda: worker._queue.running == 4 and worker._queue.waiting == 36)

    await until(lambda: worker._queue.running == 0 and worker._queue.waiting == 0)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_client_may_send_much_before_it_reads(channel: grpc.aio.Channel) -> None:
    count = 200
    async with open_stream(channel) as stream:
        for number in range(count):
            await stream.write(item(str(number), payload=b"x" * 5000))
        answers = [await stream.read() for _ in range(count)]

    assert {answer.request_id for answer in answers} == {str(n) for n in range(count)}


async def test_items_of_many_streams_do_not_mix(channel: grpc.aio.Channel) -> None:
    async def ask(name: str) -> list[Any]:
        return await call_stream(
            channel, ECHO, *(item(str(n), text=f"{name}{n}") for n in range(9))
        )

    by_stream = await asyncio.gather(*(ask(name) for name in "abcd"))

    for name, answers in zip("abcd", by_stream, strict=True):
        assert {a.request_id: a.response.text for a in answers} == {
            str(n): f"{name}{n}" for n in range(9)
        }
