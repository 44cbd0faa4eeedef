from __future__ import annotations

import asyncio

import pytest

from bench.measure import Effort, Subject, Timing, compare, ratio_of_rates


class Counted:
    """A call that takes a turn of the event loop."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.now = self.most = 0

    async def __call__(self, number: int) -> None:
        self.numbers.append(number)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1


async def test_as_many_calls_are_in_flight_as_asked_for_and_no_number_comes_twice() -> None:
    call = Counted()
    timings = await compare({"it": Subject(call)}, 8, Effort(rounds=2, round_s=0.01))
    assert call.most == 8
    assert call.numbers == list(range(len(call.numbers)))
    # The first, short round warms up and is not counted.
    assert 0 < len(timings["it"].latencies_s) < len(call.numbers)


async def test_every_subject_is_measured_in_every_round() -> None:
    subjects = {name: Subject(Counted()) for name in "abc"}
    timings = await compare(subjects, 1, Effort(rounds=4, round_s=0.005))
    assert [len(timing.rates) for timing in timings.values()] == [4, 4, 4]


async def test_a_call_that_fails_ends_the_measurement() -> None:
    async def fail(number: int) -> None:
        raise RuntimeError("no")

    with pytest.raises(ExceptionGroup):
        await compare({"it": Subject(fail)}, 2, Effort(rounds=1, round_s=0.01))


def test_rates_are_compared_round_by_round() -> None:
    # The second round was slow for both: a machine's mood, not a difference.
    timings = {"a": Timing(rates=[200.0, 20.0, 210.0]), "b": Timing(rates=[100.0, 10.0, 100.0])}
    assert ratio_of_rates(timings, "a", "b") == 2.0


def test_quantiles_are_latencies_that_were_seen() -> None:
    timing = Timing(latencies_s=[0.1 * n for n in range(10, 0, -1)])
    assert timing.quantile_s(0.5) == pytest.approx(0.6)
    assert timing.quantile_s(0.99) == pytest.approx(1.0)
