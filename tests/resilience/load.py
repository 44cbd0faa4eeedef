"""Many calls at once, and what became of each."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from thinkimg_rpc.errors import ThinkImgError
from thinkimg_rpc.testing.v1 import EchoResponse

Send = Callable[[int], Awaitable[EchoResponse]]


@dataclass
class Outcome:
    """The calls of one run."""

    failures: list[ThinkImgError] = field(default_factory=list)
    mixed_up: int = 0
    """Calls that got another call's answer."""
    durations_s: list[float] = field(default_factory=list)
    by_worker: Counter[str] = field(default_factory=Counter)

    @property
    def slowest_s(self) -> float:
        return max(self.durations_s)


async def run_calls(
    send: Send, count: int, in_flight: int, half_way: Callable[[], object] = lambda: None
) -> Outcome:
    """Make `count` calls, always `in_flight` at once; do `half_way` in the middle of them."""
    outcome = Outcome()
    numbers = iter(range(count))

    async def keep_calling() -> None:
        for number in numbers:
            if number == count // 2:
                half_way()
            began = time.monotonic()
            try:
                response = await send(number)
            except ThinkImgError as error:
                outcome.failures.append(error)
            else:
                outcome.by_worker[response.worker_id] += 1
                outcome.mixed_up += response.text != str(number)
            outcome.durations_s.append(time.monotonic() - began)

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(keep_calling())
    return outcome
