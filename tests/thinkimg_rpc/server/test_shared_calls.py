"""Equal calls cost one computation, at once and one after the other."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc.aio
import pytest

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.errors import (
    Cancelled,
    DeadlineExceeded,
    ImageNotCached,
    InternalFault,
    InvalidRequest,
    NotFound,
    from_status,
)
from thinkimg_rpc.settings import LimitSettings
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest
from thinkimg_rpc.tool import Call
from thinkimg_rpc.v1 import (
    Image,
    OCRRequest,
    OCRResponse,
    OCRStreamRequest,
    StreamCancel,
)

from ...mesh_fixtures import (
    call_stream,
    call_unary,
    channel_to,
    error_of,
    png,
    served,
    until,
)
from .gated import CHART, Gated, asking, text_of

CONTRACT = Gated.contract()
CALLERS = 8
BY_DIGEST = OCRRequest(image=Image(digest=digest_of(CHART)), min_score=0.5)


async def ask(channel: grpc.aio.Channel, request: OCRRequest, timeout_s: float = 10) -> Any:
    """One call of a foreign client: no retries."""
    return await call_unary(channel, CONTRACT, request.SerializeToString(), timeout_s)


def start(*calls: Any) -> list[asyncio.Task[Any]]:
    return [asyncio.ensure_future(call) for call in calls]


@pytest.mark.parametrize("result_cache_bytes", [0, 1 << 20])
async def test_eight_callers_at_once_cost_one_computation(result_cache_bytes: int) -> None:
    tool = Gated.fresh(closed=True)
    limits = LimitSettings(result_cache_bytes=result_cache_bytes)
    async with served([tool], limits=limits) as mesh, Mesh(mesh.address) as client:
        image = client.image(CHART)
        calls = start(*(client.ocr(OCRRequest(image=image, min_score=0.5)) for _ in range(CALLERS)))
        await until(lambda: mesh.workers[0]._queue.waiting == CALLERS - 1)
        tool.gate.set()
        answers = await asyncio.gather(*calls)

    assert tool.asked == [0.5]
    assert [text_of(answer) for answer in answers] == ["0.5"] * CALLERS
    assert sorted(answer.answered_by.cached for answer in answers) == [False] + [True] * 7


async def test_those_who_wait_for_another_take_no_thread() -> None:
    tool = Gated.fresh(closed=True)
    async with served([tool, Echo], concurrency=2) as mesh, Mesh(mesh.address) as client:
        calls = start(*(client.ocr(asking()) for _ in range(CALLERS)))
        await until(lambda: mesh.workers[0]._queue.waiting == CALLERS - 1)
        assert (await client.send(EchoRequest(text="free"))).text == "free"
        tool.gate.set()
        await asyncio.gather(*calls)

    assert len(tool.asked) == 1


async def test_a_second_call_is_answered_from_the_first() -> None:
    tool = Gated.fresh()
    async with Mesh.local([tool]) as mesh:
        first, again, other = [await mesh.ocr(asking(score)) for score in (0.5, 0.5, 0.6)]

    assert (first.answered_by.cached, again.answered_by.cached) == (False, True)
    assert text_of(again) == text_of(first)
    assert not other.answered_by.cached
    assert tool.asked == [0.5, 0.6]


async def test_the_registry_hears_how_many_answers_were_reused() -> None:
    tool = Gated.fresh()
    async with served([tool]) as mesh, Mesh(mesh.address) as client:
        for score in (0.5, 0.5, 0.6, 0.5):
            await client.ocr(asking(score))
        (lease,) = mesh.hub.table.leases.values()
        await until(lambda: lease.worker.load.calls == 4)

    assert lease.worker.load.reused == 2


async def test_a_kept_answer_needs_no_free_thread() -> None:
    tool = Gated.fresh()
    async with served([tool], concurrency=1) as mesh, Mesh(mesh.address) as client:
        await client.ocr(asking(0.1))
        tool.gate.clear()
        busy = start(client.ocr(asking(0.2)))
        await until(lambda: mesh.workers[0]._queue.running == 1)
        assert (await client.ocr(asking(0.1))).answered_by.cached
        tool.gate.set()
        await asyncio.gather(*busy)


async def test_an_image_as_bytes_and_its_digest_ask_the_same() -> None:
    tool = Gated.fresh()
    async with served([tool]) as mesh, channel_to(mesh.workers[0].address) as channel:
        fresh = await ask(channel, asking())
        by_bytes = await ask(channel, asking())
        by_digest = await ask(channel, BY_DIGEST)
        other_image = await ask(channel, asking(data=png(10, 10)))

    cached = [a.answered_by.cached for a in (fresh, by_bytes, by_digest, other_image)]
    assert cached == [False, True, True, False]


async def test_an_image_in_a_call_that_needs_no_computation_is_still_taken_in() -> None:
    tool = Gated.fresh()
    unlike = png(9, 9)
    async with served([tool, Echo]) as mesh, Mesh(mesh.address) as client:
        await client.ocr(asking(data=unlike))
        worker = mesh.workers[0]
        worker.images.decoded._images.clear()
        async with channel_to(worker.address) as channel:
            assert (await ask(channel, asking(data=unlike))).answered_by.cached
        assert worker.images.holds(digest_of(unlike))


@pytest.mark.parametrize("way", ["unary", "stream"])
async def test_what_is_no_image_is_refused_although_the_tool_never_looks(way: str) -> None:
    tool = Gated.fresh()
    request = asking(data=b"no image")
    async with served([tool]) as mesh, channel_to(mesh.workers[0].address) as channel:
        if way == "unary":
            error = await error_of(ask(channel, request))
        else:
            item = OCRStreamRequest(request_id="a", request=request)
            (answer,) = await call_stream(channel, CONTRACT, item)
            error = from_status(answer.error)

    assert isinstance(error, InvalidRequest)
    assert [violation.field for violation in error.violations] == ["image"]
    assert not tool.asked


class Refusing(Gated):
    """Finds nothing."""

    def answer_to(self, request: OCRRequest) -> OCRResponse:
        raise NotFound.field("image", f"nothing there, attempt {len(self.asked)}")


async def test_a_refusal_goes_to_all_who_wait_and_is_not_kept() -> None:
    tool = Refusing.fresh(closed=True)
    async with served([tool]) as mesh, Mesh(mesh.address) as client:
        calls = start(*(error_of(client.ocr(asking())) for _ in range(CALLERS)))
        await until(lambda: mesh.workers[0]._queue.waiting == CALLERS - 1)
        tool.gate.set()
        errors = await asyncio.gather(*calls)
        later = await error_of(client.ocr(asking()))

    assert {(type(error), error.message) for error in errors} == {
        (NotFound, "image: nothing there, attempt 1")
    }
    assert later.message == "image: nothing there, attempt 2"


class FailingOnce(Gated):
    """Has a bug that shows the first time only."""

    def answer_to(self, request: OCRRequest) -> OCRResponse:
        if len(self.asked) == 1:
            raise RuntimeError("a bug")
        return super().answer_to(request)


async def test_a_fault_is_only_its_own_callers() -> None:
    tool = FailingOnce.fresh(closed=True)
    async with served([tool]) as mesh, channel_to(mesh.workers[0].address) as channel:
        calls = start(*(ask(channel, asking()) for _ in range(CALLERS)))
        await until(lambda: mesh.workers[0]._queue.waiting == CALLERS - 1)
        tool.gate.set()
        answers = await asyncio.gather(*calls, return_exceptions=True)

    failed = [answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert [failure.code() for failure in failed] == [grpc.StatusCode.INTERNAL]
    assert {text_of(a) for a in answers if isinstance(a, OCRResponse)} == {"0.5"}
    assert len(tool.asked) == 2


async def test_a_fault_is_not_kept() -> None:
    tool = FailingOnce.fresh()
    async with served([tool]) as mesh, channel_to(mesh.workers[0].address) as channel:
        assert isinstance(await error_of(ask(channel, asking())), InternalFault)
        assert not (await ask(channel, asking())).answered_by.cached


async def test_a_computation_outlives_the_caller_that_began_it() -> None:
    tool = Gated.fresh(closed=True)
    async with served([tool]) as mesh, channel_to(mesh.workers[0].address) as channel:
        queue = mesh.workers[0]._queue
        (first,) = start(ask(channel, asking()))
        await until(lambda: queue.running == 1)
        (second,) = start(ask(channel, asking()))
        await until(lambda: queue.waiting == 1)
        first.cancel()
        await error_of_cancelled(first)
        await until(lambda: mesh.workers[0]._counts.calls == 1)
        tool.gate.set()

        assert text_of(await second) == "0.5"
    assert len(tool.asked) == 1


async def error_of_cancelled(call: asyncio.Task[Any]) -> None:
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_a_computation_takes_as_long_as_the_most_patient_caller_lets_it() -> None:
    tool = Gated.fresh(closed=True)
    async with served([tool]) as mesh, channel_to(mesh.workers[0].address) as channel:
        queue = mesh.workers[0]._queue
        (hasty,) = start(error_of(ask(channel, asking(), timeout_s=1.0)))
        await until(lambda: queue.running == 1)
        (patient,) = start(ask(channel, asking(), timeout_s=10))
        await until(lambda: queue.waiting == 1)
        assert isinstance(await hasty, DeadlineExceeded)
        tool.gate.set()

        assert text_of(await patient) == "0.5"
    assert len(tool.asked) == 1


async def test_one_that_waits_for_another_keeps_its_own_deadline() -> None:
    tool = Gated.fresh(closed=True)
    async with served([tool]) as mesh, channel_to(mesh.workers[0].address) as channel:
        (patient,) = start(ask(channel, asking()))
        await until(lambda: mesh.workers[0]._queue.running == 1)
        assert isinstance(await error_of(ask(channel, asking(), timeout_s=0.1)), DeadlineExceeded)
        item = OCRStreamRequest(request_id="a", timeout_s=0.1, request=asking())
        (answer,) = await call_stream(channel, CONTRACT, item)
        assert isinstance(from_status(answer.error), DeadlineExceeded)
        tool.gate.set()

        assert text_of(await patient) == "0.5"
    assert len(tool.asked) == 1


async def test_nothing_is_computed_when_all_have_gone() -> None:
    tool = Gated.fresh(closed=True)
    async with served([tool]) as mesh, channel_to(mesh.workers[0].address) as channel:
        queue = mesh.workers[0]._queue
        calls = start(ask(channel, asking()), ask(channel, asking()))
        await until(lambda: (queue.running, queue.waiting) == (1, 1))
        for call in calls:
            call.cancel()
        # The gate is still closed: the tool ends because its call says so.
        await until(lambda: (queue.running, queue.waiting) == (0, 0))
        tool.gate.set()
        again = await ask(channel, asking())

    assert not again.answered_by.cached


async def test_equal_items_of_one_stream_share_too_and_can_be_cancelled_alone() -> None:
    tool = Gated.fresh(closed=True)
    items = [OCRStreamRequest(request_id=name, request=asking()) for name in "abc"]
    cancel = OCRStreamRequest(request_id="b", cancel=StreamCancel())
    async with served([tool]) as mesh, channel_to(mesh.workers[0].address) as channel:
        (answering,) = start(call_stream(channel, CONTRACT, *items, cancel))
        await until(lambda: mesh.workers[0]._counts.calls == 1)
        tool.gate.set()
        answers = {answer.request_id: answer for answer in await answering}

    assert isinstance(from_status(answers["b"].error), Cancelled)
    assert {text_of(answers[name].response) for name in "ac"} == {"0.5"}
    assert len(tool.asked) == 1


class Looking(Gated):
    """Needs the pixels."""

    def run(self, request: OCRRequest, call: Call) -> OCRResponse:
        response = super().run(request, call)
        call.image(request.image)
        return response


async def test_one_that_brought_the_image_is_answered_where_the_digest_was_not_enough() -> None:
    tool = Looking.fresh(closed=True)
    # Nothing is kept decoded: only a call that brings the bytes has the pixels.
    limits = LimitSettings(image_cache_bytes=0)
    async with (
        served([tool], limits=limits) as mesh,
        channel_to(mesh.workers[0].address) as channel,
    ):
        queue = mesh.workers[0]._queue
        (by_digest,) = start(error_of(ask(channel, BY_DIGEST)))
        await until(lambda: queue.running == 1)
        (by_bytes, by_digest_too) = start(ask(channel, asking()), error_of(ask(channel, BY_DIGEST)))
        await until(lambda: queue.waiting == 2)
        tool.gate.set()

        assert isinstance(await by_digest, ImageNotCached)
        assert isinstance(await by_digest_too, ImageNotCached)
        assert text_of(await by_bytes) == "0.5"


async def test_a_draining_worker_answers_those_who_wait_for_another() -> None:
    tool = Gated.fresh(closed=True)
    async with served([tool], drain_s=5.0) as mesh, channel_to(mesh.workers[0].address) as channel:
        worker = mesh.workers[0]
        calls = start(*(ask(channel, asking()) for _ in range(3)))
        await until(lambda: worker._queue.waiting == 2)
        (draining,) = start(worker.drain())
        tool.gate.set()

        assert {text_of(answer) for answer in await asyncio.gather(*calls)} == {"0.5"}
        await draining


async def test_calls_that_wait_are_bounded_with_those_that_wait_for_others() -> None:
    tool = Gated.fresh(closed=True)
    limits = LimitSettings(queue_length=2)
    async with (
        served([tool], limits=limits) as mesh,
        channel_to(mesh.workers[0].address) as channel,
    ):
        queue = mesh.workers[0]._queue
        calls = start(ask(channel, asking()))
        await until(lambda: tool.asked)
        # One after the other: while its image is decoded, a call waits for a thread.
        calls += start(ask(channel, asking()))
        await until(lambda: (queue.waiting, queue.running) == (1, 1))
        calls += start(ask(channel, asking()))
        await until(lambda: (queue.waiting, queue.running) == (2, 1))
        error = await error_of(ask(channel, asking()))
        assert error.retry_after_s
        tool.gate.set()
        await asyncio.gather(*calls)
