"""A worker that dies, hangs or is told to stop takes no call with it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.testing.v1 import EchoRequest, EchoResponse

from .figures import Figures
from .load import Outcome, Send, run_calls
from .registry_log import RegistryLog
from .served_mesh import REPLICAS

CALLS = 2000
IN_FLIGHT = 32
DEADLINE_S = 10.0
WAIT_S = 30.0
VICTIM = REPLICAS[0]


class Blow:
    """A signal to one worker, and what the registry made of it."""

    def __init__(self, log: RegistryLog, number: signal.Signals, victim: str = VICTIM) -> None:
        self._log = log
        self._victim = victim
        self._pid = log.present[victim].pid
        self._number = number
        self._struck = 0.0

    def strike(self) -> None:
        os.kill(self._pid, self._number)
        self._struck = time.monotonic()

    async def dropped_s(self) -> float:
        """From the signal until the registry no longer lists the worker."""
        left = await self._log.first(lambda s: s.left and s.worker.pid == self._pid, WAIT_S)
        return left.moment - self._struck

    async def back_s(self) -> float:
        """From the signal until another process serves in its place."""
        back = await self._log.first(
            lambda s: not s.left and s.worker.id == self._victim and s.worker.pid != self._pid,
            WAIT_S,
        )
        return back.moment - self._struck


def echo_calls(mesh: Mesh) -> Send:
    # The delay puts calls inside the victim when it is struck.
    return lambda number: mesh.send(
        EchoRequest(text=str(number), delay_s=0.005), timeout_s=DEADLINE_S
    )


def check(figures: Figures, scenario: str, outcome: Outcome) -> None:
    figures.count(scenario, "failed calls", len(outcome.failures), 0)
    assert outcome.mixed_up == 0
    figures.seconds(scenario, "slowest call", outcome.slowest_s, DEADLINE_S)
    assert outcome.by_worker.keys() == set(REPLICAS)


@pytest.mark.parametrize(
    ("number", "dropped_s"), [(signal.SIGKILL, 1.0), (signal.SIGSTOP, 5.0)], ids=["killed", "hung"]
)
async def test_a_lost_worker_costs_no_call_and_is_replaced(
    log: RegistryLog, mesh: Mesh, figures: Figures, number: signal.Signals, dropped_s: float
) -> None:
    scenario = f"{number.name} to one of two replicas, {CALLS} calls, {IN_FLIGHT} in flight"
    blow = Blow(log, number)
    outcome = await run_calls(echo_calls(mesh), CALLS, IN_FLIGHT, blow.strike)
    check(figures, scenario, outcome)
    figures.seconds(scenario, "dropped by the registry", await blow.dropped_s(), dropped_s)
    # One that hangs must be dropped first.
    back_s = 5.0 if number is signal.SIGKILL else dropped_s + 5.0
    figures.seconds(scenario, "another in its place", await blow.back_s(), back_s)


async def test_a_drained_worker_finishes_what_it_has(
    log: RegistryLog, mesh: Mesh, figures: Figures
) -> None:
    scenario = "SIGTERM to one of two replicas, 500 calls, 16 in flight"
    blow = Blow(log, signal.SIGTERM)
    outcome = await run_calls(echo_calls(mesh), 500, 16, blow.strike)
    check(figures, scenario, outcome)
    figures.seconds(scenario, "gone from the registry", await blow.dropped_s())
    figures.seconds(scenario, "another in its place", await blow.back_s())


async def test_calls_wait_for_a_worker_when_every_one_is_lost(
    log: RegistryLog, mesh: Mesh, figures: Figures
) -> None:
    scenario = "SIGKILL to both replicas, 500 calls, 16 in flight"
    blows = [Blow(log, signal.SIGKILL, victim) for victim in REPLICAS]

    def strike_both() -> None:
        for blow in blows:
            blow.strike()

    outcome = await run_calls(echo_calls(mesh), 500, 16, strike_both)
    check(figures, scenario, outcome)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
async def test_a_stream_goes_on_over_another_worker(
    log: RegistryLog, mesh: Mesh, figures: Figures, number: signal.Signals
) -> None:
    scenario = f"{number.name} to one of two replicas, 500 calls of one stream"
    blow = Blow(log, number)

    def requests() -> Iterator[EchoRequest]:
        for index in range(500):
            if index == 250:
                blow.strike()
            yield EchoRequest(text=str(index), delay_s=0.005)

    answers = [a async for a in mesh.stream(requests(), timeout_s=DEADLINE_S, in_flight=16)]
    assert sorted(answer.index for answer in answers) == list(range(500))
    failed = [answer.error for answer in answers if answer.error is not None]
    figures.count(scenario, "failed calls", len(failed), 0)
    assert all(a.response is not None and a.response.text == str(a.index) for a in answers)


async def test_images_are_sent_again_to_whoever_takes_over(log: RegistryLog, mesh: Mesh) -> None:
    sizes = [(40 + number, 60) for number in range(16)]
    images = [
        mesh.image(cv2.imencode(".png", np.zeros((*size, 3), np.uint8))[1].tobytes())
        for size in sizes
    ]
    blow = Blow(log, signal.SIGKILL)
    wrong: list[EchoResponse] = []

    async def send(number: int) -> EchoResponse:
        index = number % len(images)
        request = EchoRequest(text=str(number), image=images[index])
        response: EchoResponse = await mesh.send(request, timeout_s=DEADLINE_S)
        if (response.image_height, response.image_width) != sizes[index]:
            wrong.append(response)
        return response

    outcome = await run_calls(send, 500, 16, blow.strike)
    assert (outcome.failures, wrong) == ([], [])
    await blow.back_s()
    # The new process has another process's id but none of its images.
    outcome = await run_calls(send, 200, 16)
    assert (outcome.failures, wrong) == ([], [])
    assert outcome.by_worker.keys() == set(REPLICAS)
