"""How long an event loop did nothing but one thing."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Self

_TICK_S = 0.001


class StallWatch:
    """Ticks while something runs in the same loop; use it in an `async with`.

    A tick that comes late was held up by whatever ran instead: that is wall time,
    and holds what other programs took of a busy machine. `cpu_s` is the most
    processor time that the loop's own thread spent between two ticks.
    """

    def __init__(self) -> None:
        self.longest_s = 0.0
        self.cpu_s = 0.0

    async def __aenter__(self) -> Self:
        self._ticking = asyncio.create_task(self._tick(), name="stall watch")
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ticking.cancel()
        await asyncio.gather(self._ticking, return_exceptions=True)

    async def _tick(self) -> None:
        while True:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                await asyncio.sleep(_TICK_S)
            finally:  # what held the loop up until the very end counts too
                self.longest_s = max(self.longest_s, time.perf_counter() - wall - _TICK_S)
                self.cpu_s = max(self.cpu_s, time.thread_time() - cpu)
