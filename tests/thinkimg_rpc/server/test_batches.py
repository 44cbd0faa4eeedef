"""Calls that are gathered and answered by one pass of a model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc.aio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import (
    CallerError,
    DeadlineExceeded,
    InternalFault,
    InvalidRequest,
    NotFound,
    ThinkImgError,
)
from thinkimg_rpc.server.batcher import Batcher, choose
from thinkimg_rpc.server.pass_times import PassTimes
from thinkimg_rpc.server.passes import Passenger
from thinkimg_rpc.settings import LimitSettings, ModelSettings
from thinkimg_rpc.status import from_rpc_error
from thinkimg_rpc.tool import Call
from thinkimg_rpc.v1 import OCRRequest, OCRResponse

from ...mesh_fixtures import Served, call_unary, channel_to, error_of, png, served, until
from .gated import GatedBatches, asking, text_of

CONTRACT = GatedBatches.contract()
WAITS = 5.0
"""Seconds: longer than a call that is answered at once, shorter than the tests' bound."""


def batching(most: int, wait_s: float = WAITS) -> ModelSettings:
    return ModelSettings(max_batch=most, max_batch_wait_s=wait_s)


async def ask(channel: grpc.aio.Channel, request: OCRRequest, timeout_s: float = 10) -> Any:
    """One call of a foreign client: no retries."""
    return await call_unary(channel, CONTRACT, request.SerializeToString(), timeout_s)


def start(*calls: Any) -> list[asyncio.Task[Any]]:
    return [asyncio.ensure_future(call) for call in calls]


def batcher_of(mesh: Served) -> Batcher:
    shared = mesh.workers[0].methods[0]._shared
    assert shared is not None
    assert shared._batcher is not None
    return shared._batcher


async def test_as_many_as_fill_a_batch_arrive_as_one_pass_without_waiting() -> None:
    tool = GatedBatches.fresh()
    scores = [0.1, 0.2, 0.3, 0.4]
    async with Mesh.local([tool], models=batching(4, wait_s=60)) as mesh:
        answers = await asyncio.gather(*(mesh.ocr(asking(score)) for score in scores))

    assert [sorted(together) for together in tool.passes] == [scores]
    assert [text_of(answer) for answer in answers] == [f"{score:g} 64x48" for score in scores]


async def test_those_who_come_during_a_pass_share_the_next() -> None:
    tool = GatedBatches.fresh(closed=True)
    async with (
        served([tool], models=batching(8, wait_s=0)) as mesh,
        Mesh(mesh.address) as client,
    ):
        queue = mesh.workers[0]._queue
        first = start(client.ocr(asking(0.0)))
        await until(lambda: tool.passes)
        others = start(*(client.ocr(asking(n / 10)) for n in range(1, 6)))
        await until(lambda: (queue.running, queue.waiting) == (1, 5))
        tool.gate.set()
        await asyncio.gather(*first, *others)

    assert [len(together) for together in tool.passes] == [1, 5]


async def test_more_than_fit_take_several_passes() -> None:
    tool = GatedBatches.fresh()
    async with Mesh.local([tool], models=batching(4)) as mesh:
        answers = await asyncio.gather(*(mesh.ocr(asking(n / 100)) for n in range(24)))

    assert [text_of(answer).split()[0] for answer in answers] == [f"{n / 100:g}" for n in range(24)]
    assert max(map(len, tool.passes)) == 4
    assert sum(map(len, tool.passes)) == 24


async def test_answers_are_the_same_in_company_and_alone() -> None:
    requests = [asking(n / 10, png(10 + n, 20)) for n in range(8)]
    answers = []
    for most in (8, 1):
        tool = GatedBatches.fresh()
        async with Mesh.local([tool], models=batching(most)) as mesh:
            answers.append(await asyncio.gather(*(mesh.ocr(request) for request in requests)))
        assert max(map(len, tool.passes)) == most

    assert answers[0] == answers[1]


async def test_a_lone_call_waits_for_nobody_it_would_have_to_wait_for_long() -> None:
    tool = GatedBatches.fresh()
    async with served([tool], models=batching(8, wait_s=0.05)) as mesh:
        async with Mesh(mesh.address) as client:
            await client.ocr(asking(0.1))
        batcher_of(mesh)._wait_s = 60.0
        async with Mesh(mesh.address) as client:
            assert text_of(await client.ocr(asking(0.2), timeout_s=10)) == "0.2 64x48"


async def test_two_that_call_again_and_again_do_not_take_turns_but_share() -> None:
    tool = GatedBatches.fresh(closed=True)
    async with (
        served([tool], models=batching(8, wait_s=0.01)) as mesh,
        Mesh(mesh.address) as client,
    ):
        (one,) = start(client.ocr(asking(0.1)))
        await until(lambda: tool.passes)
        (other,) = start(client.ocr(asking(0.2)))
        await until(lambda: mesh.workers[0]._queue.waiting == 1)
        batcher_of(mesh)._wait_s = WAITS
        tool.gate.set()
        await one
        await asyncio.gather(other, client.ocr(asking(0.3)))

    assert [sorted(together) for together in tool.passes] == [[0.1], [0.2, 0.3]]


async def test_equal_calls_take_one_place_in_a_pass() -> None:
    tool = GatedBatches.fresh(cacheable=True)
    async with Mesh.local([tool], models=batching(2)) as mesh:
        scores = [0.1, 0.1, 0.1, 0.2, 0.2]
        answers = await asyncio.gather(*(mesh.ocr(asking(score)) for score in scores))
        again = await mesh.ocr(asking(0.1))

    assert [sorted(together) for together in tool.passes] == [[0.1, 0.2]]
    assert [text_of(answer).split()[0] for answer in answers] == ["0.1"] * 3 + ["0.2"] * 2
    assert again.answered_by.cached


async def test_a_tool_whose_answers_are_not_kept_computes_equal_calls_each() -> None:
    tool = GatedBatches.fresh()
    async with Mesh.local([tool], models=batching(3)) as mesh:
        answers = await asyncio.gather(*(mesh.ocr(asking()) for _ in range(3)))

    assert tool.passes == [[0.5] * 3]
    assert not any(answer.answered_by.cached for answer in answers)


class Choosy(GatedBatches):
    """Has something against some requests."""

    fails: type[Exception]

    def answer_in_pass(self, request: OCRRequest, call: Call) -> OCRResponse | CallerError:
        if request.min_score == 1:
            return NotFound.field("min_score", "nothing that sure")
        if request.min_score == 0:
            raise self.fails("not that one")
        return super().answer_in_pass(request, call)


async def outcomes(tool: type[Any], scores: Sequence[float]) -> list[ThinkImgError | str]:
    """What as many foreign clients get of one pass."""

    async def outcome(channel: Any, score: float) -> ThinkImgError | str:
        try:
            return text_of(await ask(channel, asking(score)))
        except grpc.aio.AioRpcError as failure:
            return from_rpc_error(failure)

    async with (
        served([tool], models=batching(len(scores))) as mesh,
        channel_to(mesh.workers[0].address) as channel,
    ):
        return await asyncio.gather(*(outcome(channel, score) for score in scores))


async def test_a_refusal_within_a_pass_is_one_calls_alone() -> None:
    tool = Choosy.fresh()
    good, refused, fine = await outcomes(tool, [0.2, 1, 0.3])

    assert (good, fine) == ("0.2 64x48", "0.3 64x48")
    assert isinstance(refused, NotFound)
    assert len(tool.passes) == 1


@pytest.mark.parametrize(
    ("fails", "expected"), [(RuntimeError, InternalFault), (InvalidRequest, InvalidRequest)]
)
async def test_a_pass_that_fails_is_tried_one_by_one(
    fails: type[Exception], expected: type[ThinkImgError]
) -> None:
    tool = Choosy.fresh(fails=fails)
    good, failed, fine = await outcomes(tool, [0.2, 0, 0.3])

    assert (good, fine) == ("0.2 64x48", "0.3 64x48")
    assert type(failed) is expected
    assert sorted(map(len, tool.passes)) == [1, 1, 1, 3]


class Unprintable(Exception):
    """Cannot even say what is wrong."""

    def __str__(self) -> str:
        raise ValueError("no words")


async def test_a_failure_that_cannot_say_what_it_is_is_still_a_fault() -> None:
    good, failed = await outcomes(Choosy.fresh(fails=Unprintable), [0.2, 0])

    assert good == "0.2 64x48"
    assert isinstance(failed, InternalFault)
    assert "Unprintable" in failed.message


class Miscounting(GatedBatches):
    """Loses an answer."""

    def run_batch(
        self, requests: Sequence[OCRRequest], calls: Sequence[Call]
    ) -> Sequence[OCRResponse | CallerError]:
        return super().run_batch(requests, calls)[:-1]


async def test_a_wrong_number_of_answers_is_the_tools_fault() -> None:
    tool = Miscounting.fresh()
    errors = await outcomes(tool, [0.1, 0.2, 0.3])

    for error in errors:
        assert isinstance(error, InternalFault)
        assert "run_batch gave 2 answers to 3 requests" in error.message
    assert len(tool.passes) == 1


class Forgetful(GatedBatches):
    """Has no answer to one of its requests."""

    def answer_in_pass(self, request: OCRRequest, call: Call) -> Any:
        return super().answer_in_pass(request, call) if request.min_score else None


async def test_what_is_no_answer_is_one_calls_fault() -> None:
    good, wrong = await outcomes(Forgetful.fresh(), [0.1, 0])

    assert good == "0.1 64x48"
    assert isinstance(wrong, InternalFault)
    assert "NoneType" in wrong.message


async def test_a_bad_image_is_refused_before_the_pass() -> None:
    tool = GatedBatches.fresh()
    async with (
        served([tool], models=batching(2)) as mesh,
        channel_to(mesh.workers[0].address) as channel,
    ):
        bad = start(error_of(ask(channel, asking(0.9, b"no image"))))
        good = start(ask(channel, asking(0.1)), ask(channel, asking(0.2)))
        await asyncio.gather(*good)
        (error,) = await asyncio.gather(*bad)

    assert isinstance(error, InvalidRequest)
    assert [sorted(together) for together in tool.passes] == [[0.1, 0.2]]


async def test_an_image_lasts_until_its_pass_however_small_the_cache() -> None:
    tool = GatedBatches.fresh()
    limits = LimitSettings(image_cache_bytes=0)
    async with Mesh.local([tool], models=batching(3), limits=limits) as mesh:
        requests = [asking(n / 10, png(10 + n, 5)) for n in range(3)]
        answers = await asyncio.gather(*(mesh.ocr(request) for request in requests))

    assert [text_of(answer) for answer in answers] == ["0 10x5", "0.1 11x5", "0.2 12x5"]


async def test_no_more_calls_hold_their_images_than_two_passes_answer() -> None:
    tool = GatedBatches.fresh(closed=True)
    async with (
        served([tool], models=batching(2, wait_s=0)) as mesh,
        channel_to(mesh.workers[0].address) as channel,
    ):
        queue = mesh.workers[0]._queue
        first = start(*(ask(channel, asking(0.1, png(9, 9 + n))) for n in range(2)))
        await until(lambda: queue.running)
        others = start(*(ask(channel, asking(0.2, png(8, 8 + n))) for n in range(8)))
        await until(lambda: queue.running + queue.waiting == 10)
        batcher = batcher_of(mesh)
        assert len(batcher._waiting) + batcher._in_pass == 4
        tool.gate.set()
        await asyncio.gather(*first, *others)


async def test_who_has_gone_or_is_too_late_takes_no_place_in_a_pass() -> None:
    tool = GatedBatches.fresh(closed=True)
    async with (
        served([tool], models=batching(8, wait_s=0)) as mesh,
        channel_to(mesh.workers[0].address) as channel,
    ):
        queue = mesh.workers[0]._queue
        first = start(ask(channel, asking(0.0)))
        await until(lambda: tool.passes)
        (gone,) = start(ask(channel, asking(0.1)))
        (stays,) = start(ask(channel, asking(0.3)))
        await until(lambda: queue.waiting == 2)
        gone.cancel()
        late = await error_of(ask(channel, asking(0.2), timeout_s=0.1))
        await until(lambda: queue.waiting == 1)
        tool.gate.set()
        await asyncio.gather(*first, stays)

    assert isinstance(late, DeadlineExceeded)
    assert tool.passes == [[0.0], [0.3]]


class Checking(GatedBatches):
    """Asks, within its pass, whether everybody still waits."""

    def answer_in_pass(self, request: OCRRequest, call: Call) -> OCRResponse | CallerError:
        call.check_deadline()
        return super().answer_in_pass(request, call)


async def test_a_pass_that_one_caller_left_is_made_again_for_the_others_together() -> None:
    tool = Checking.fresh(closed=True)
    async with (
        served([tool], models=batching(3)) as mesh,
        channel_to(mesh.workers[0].address) as channel,
    ):
        queue = mesh.workers[0]._queue
        leaves, *others = start(*(ask(channel, asking(n / 10)) for n in range(1, 4)))
        await until(lambda: queue.running == 3)
        leaves.cancel()
        await until(lambda: mesh.workers[0]._counts.calls == 1)
        tool.gate.set()
        await asyncio.gather(*others)

    assert [sorted(together) for together in tool.passes] == [[0.1, 0.2, 0.3], [0.2, 0.3]]


def times(alone_s: float, each_s: float, most: int = 8) -> PassTimes:
    """A model with a cost for each pass and one for each call in it."""
    known = PassTimes()
    for calls in range(1, most + 1):
        known.note(calls, alone_s + each_s * (calls - 1))
    return known


def waiting_with(*slacks_s: float | None) -> list[Passenger]:
    return [Passenger(slack_s, 0.0) for slack_s in slacks_s]


async def test_the_oldest_go_first() -> None:
    waiting = waiting_with(None, 100, None, 50)

    assert choose(waiting, 3, times(1, 0.1), now=0) == waiting[:3]


async def test_one_that_cannot_wait_for_a_full_pass_goes_first_in_a_smaller_one() -> None:
    waiting = waiting_with(None, None, None, 1.25)

    assert choose(waiting, 4, times(1, 0.1), now=0) == [waiting[3], *waiting[:2]]


async def test_one_that_is_late_anyhow_makes_no_other_wait() -> None:
    waiting = waiting_with(None, 0.5, None)

    assert choose(waiting, 3, times(1, 0.1), now=0) == waiting


SLACKS = st.lists(st.none() | st.floats(0.01, 5), max_size=12)


@given(slacks_s=SLACKS, most=st.integers(1, 8), alone_s=st.floats(0, 2), each_s=st.floats(0, 1))
def test_nobody_who_could_be_in_time_is_put_into_a_pass_that_is_too_long(
    slacks_s: list[float | None], most: int, alone_s: float, each_s: float
) -> None:
    async def chosen() -> None:
        waiting = waiting_with(*slacks_s)
        known = times(alone_s, each_s)
        together = choose(waiting, most, known, now=0)

        assert bool(together) == bool(waiting)
        assert len(together) <= most
        assert len(set(together)) == len(together) <= len(set(together) & set(waiting))
        for passenger in together:
            if passenger.slack_s(0) >= known.expected_s(1):
                assert passenger.slack_s(0) >= known.expected_s(len(together))

    asyncio.run(chosen())


def test_a_number_of_calls_not_seen_is_expected_to_take_rather_too_long() -> None:
    known = PassTimes()
    assert known.expected_s(4) == 0
    known.note(2, 1.0)
    known.note(8, 1.9)

    assert known.expected_s(1) == 1.0
    assert known.expected_s(3) == 1.5
    assert known.expected_s(4) == 1.9


def test_what_a_pass_takes_is_learnt_anew_when_it_changes() -> None:
    known = PassTimes()
    for seconds in [1.0] + [0.1] * 20:
        known.note(1, seconds)

    assert known.expected_s(1) == pytest.approx(0.1, rel=0.05)
