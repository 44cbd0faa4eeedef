"""A closed loop of calls, timed; and several such, taking turns on a noisy machine."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import count

import psutil

Call = Callable[[int], Awaitable[object]]
"""Makes the call with that number, from 0."""


@dataclass(frozen=True)
class Subject:
    """What is measured: a call, and the processes that answer it."""

    call: Call
    server_pids: tuple[int, ...] = ()

    def server_cpu_s(self) -> float:
        """Seconds of processor time that the servers have used."""
        times = (psutil.Process(pid).cpu_times() for pid in self.server_pids)
        return sum(used.user + used.system for used in times)


@dataclass
class Timing:
    """The calls of all rounds of one subject."""

    latencies_s: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    """Calls per second, one number a round."""
    client_cpu_s: float = 0.0
    server_cpu_s: float = 0.0

    @property
    def rate(self) -> float:
        """Calls per second: the median of the rounds."""
        return statistics.median(self.rates)

    @property
    def cpu_s(self) -> float:
        """Processor time of one call, on both sides: what a busy machine does not change."""
        return (self.client_cpu_s + self.server_cpu_s) / len(self.latencies_s)

    def quantile_s(self, q: float) -> float:
        """The latency that a share `q` of all calls stayed within, in seconds."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    rounds: int
    round_s: float


async def compare(
    subjects: Mapping[str, Subject], in_flight: int, effort: Effort
) -> dict[str, Timing]:
    """Measure subjects in turn, round by round, so that they share the machine's moods.

    Each round begins with another of them. A short round goes before the first
    and is not counted.
    """
    timings = {name: Timing() for name in subjects}
    numbers = {name: count() for name in subjects}
    for name, subject in subjects.items():
        await _hammer(subject, in_flight, effort.round_s / 2, numbers[name], Timing())
    names = list(subjects)
    for number in range(effort.rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            await _hammer(subjects[name], in_flight, effort.round_s, numbers[name], timings[name])
    return timings


def ratio_of_rates(timings: Mapping[str, Timing], one: str, other: str) -> float:
    """How many times the rate of `other` that of `one` is: the median over the rounds.

    Round by round, because both had the same neighbours on the machine then.
    """
    pairs = zip(timings[one].rates, timings[other].rates, strict=True)
    return statistics.median(a / b for a, b in pairs)


async def _hammer(
    subject: Subject, in_flight: int, seconds: float, numbers: count[int], into: Timing
) -> None:
    """Keep `in_flight` calls going for that long; each starts when the one before is answered."""
    latencies_s: list[float] = []
    client_cpu_s, server_cpu_s = time.process_time(), subject.server_cpu_s()
    begin = time.perf_counter()

    async def caller() -> None:
        now = begin
        while now < begin + seconds:
            await subject.call(next(numbers))
            before, now = now, time.perf_counter()
            latencies_s.append(now - before)

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(caller())
    into.rates.append(len(latencies_s) / (time.perf_counter() - begin))
    into.latencies_s += latencies_s
    into.client_cpu_s += time.process_time() - client_cpu_s
    into.server_cpu_s += subject.server_cpu_s() - server_cpu_s
