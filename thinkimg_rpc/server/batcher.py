"""Dynamic batching: calls are gathered for as long as that pays, and answered by one pass."""

from __future__ import annotations

import asyncio
import functools
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from thinkimg_rpc.errors import DeadlineExceeded, ThinkImgError
from thinkimg_rpc.server.pass_times import PassTimes
from thinkimg_rpc.server.passes import Passenger, Passes
from thinkimg_rpc.server.queue import WorkQueue
from thinkimg_rpc.server.results import Kept
from thinkimg_rpc.settings import ModelSettings

LONE_SHARE = 0.05
"""A call that nobody is known to follow waits for company at most this share of its pass:
it costs a lone caller that much, and spares a burst of calls the pass of its first one."""


class Batcher:
    """The calls of one tool that wait for a pass. One pass runs at a time.

    Used in the event loop; passes run in a thread of their own, so that images are
    decoded meanwhile. `calls` counts those that wait and those that are run.
    """

    def __init__(self, passes: Passes, settings: ModelSettings, calls: WorkQueue) -> None:
        self._passes = passes
        self._most = settings.max_batch
        self._wait_s = settings.max_batch_wait_s
        self._calls = calls
        self.seats = asyncio.Semaphore(2 * settings.max_batch)
        """For the calls of a pass that runs and of the next one."""
        self._thread = WorkQueue(threads=1, limit=sys.maxsize, name="pass")
        self._thread.start()
        self._times = PassTimes()
        self._waiting: list[Passenger] = []
        self._in_pass = 0
        self._callers = 0
        self._idle_since = 0.0
        self._coming = 0
        self._timer: asyncio.TimerHandle | None = None

    def board(self, passenger: Passenger) -> None:
        """Let a call wait for a pass; its future gets the answer."""
        self._waiting.append(passenger)
        self._calls.shift(waiting=1)
        passenger.future.add_done_callback(lambda _: self._leave(passenger))
        self._consider()

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Inside, a call gets ready to board: it is worth while waiting for."""
        self._coming += 1
        try:
            yield
        finally:
            self._coming -= 1
            if not self._coming:
                # Once those who just got ready have boarded.
                asyncio.get_running_loop().call_soon(self._consider)

    def close(self) -> None:
        """Let the thread end."""
        self._thread.close()

    def _leave(self, passenger: Passenger) -> None:
        """A call that is given up, or too late, does not take a place in a pass."""
        if passenger in self._waiting:
            self._waiting.remove(passenger)
            self._calls.shift(waiting=-1)

    def _consider(self) -> None:
        """Begin a pass, now or when nobody else is to be waited for."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._in_pass or not self._waiting:
            return
        patience_s = self._patience_s(time.monotonic())
        if patience_s <= 0:
            self._begin()
        else:
            self._timer = asyncio.get_running_loop().call_later(patience_s, self._begin)

    def _patience_s(self, now: float) -> float:
        """How long to wait for company for the calls that are here."""
        count = len(self._waiting)
        if count >= self._most:
            return 0.0
        company = self._coming > 0 or count < self._callers
        wait_s = self._wait_s
        if not company and (alone_s := self._times.expected_s(1)):
            wait_s = min(wait_s, LONE_SHARE * alone_s)
        least_s = min(passenger.slack_s(now) for passenger in self._waiting)
        # Counted from when there could have been a pass: else two callers would take
        # turns for ever, each waiting for the other's pass.
        since = max(self._waiting[0].arrived, self._idle_since)
        return min(
            since + wait_s - now,
            # Half of what can be spared: the expectation may be wrong.
            (least_s - self._times.expected_s(count + 1)) / 2,
        )

    def _begin(self) -> None:
        now = time.monotonic()
        for passenger in list(self._waiting):
            if passenger.expired:
                passenger.settle(
                    None, DeadlineExceeded("the deadline passed while the call was waiting")
                )
                self._leave(passenger)
        chosen = choose(self._waiting, self._most, self._times, now)
        if not chosen:
            return
        self._waiting = [p for p in self._waiting if p not in chosen]
        self._in_pass = len(chosen)
        self._calls.shift(waiting=-len(chosen), running=len(chosen))
        work = self._thread.submit(lambda _: self._passes.run(chosen), None)
        work.add_done_callback(functools.partial(self._end, chosen, now))

    def _end(
        self,
        passengers: list[Passenger],
        began: float,
        work: asyncio.Future[list[Kept | ThinkImgError]],
    ) -> None:
        self._idle_since = time.monotonic()
        self._times.note(len(passengers), self._idle_since - began)
        # Those who are answered are likely to call again.
        self._callers = len(passengers) + len(self._waiting)
        for passenger, outcome in zip(passengers, work.result(), strict=True):
            if isinstance(outcome, ThinkImgError):
                passenger.settle(None, outcome)
            else:
                passenger.settle(outcome, None)
        self._calls.shift(running=-len(passengers))
        self._in_pass = 0
        self._consider()


def choose(waiting: list[Passenger], most: int, times: PassTimes, now: float) -> list[Passenger]:
    """Who goes into the next pass: the oldest, unless somebody's deadline cannot wait.

    Calls that would be too late after a full pass, but not after a smaller one, go
    first, in a pass so small that they make it. One that cannot make it even alone
    costs the others nothing: it goes along in its turn.
    """
    count = min(len(waiting), most)
    hurried = [
        passenger
        for passenger in waiting
        if times.expected_s(1) <= passenger.slack_s(now) < times.expected_s(count)
    ]
    if not hurried:
        return waiting[:count]
    hurried.sort(key=lambda passenger: passenger.slack_s(now))
    least_s = hurried[0].slack_s(now)
    count = max(n for n in range(1, count + 1) if times.expected_s(n) <= least_s)
    others = [passenger for passenger in waiting if passenger not in hurried]
    return (hurried + others)[:count]
