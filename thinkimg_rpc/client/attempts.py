"""Trying again: which workers have been tried for a call, and how long to wait."""

from __future__ import annotations

import asyncio
import random
import time

from thinkimg_rpc.client.endpoint import Endpoint
from thinkimg_rpc.errors import (
    DeadlineExceeded,
    InternalFault,
    MeshFault,
    Overloaded,
    Unavailable,
)

FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 1.0
FAULTS_OF_ONE_CALL = 3
"""A tool that fails so often on one request, on whatever workers, has a bug."""


class Attempts:
    """What has been tried for one call."""

    def __init__(self, deadline: float) -> None:
        self.tried: set[str] = set()
        self.last: MeshFault | None = None
        self._deadline = deadline
        self._faults = 0
        self.images_lost = 0
        self._pause_s = FIRST_PAUSE_S

    async def note(self, fault: MeshFault, endpoint: Endpoint) -> None:
        """Take a fault in; raise it when trying again is of no use."""
        before, self.last = self.last, fault
        if isinstance(fault, DeadlineExceeded):
            raise fault if before is None else _too_late(before)
        if isinstance(fault, InternalFault):
            self._faults += 1
            if self._faults >= FAULTS_OF_ONE_CALL:
                raise fault
        self.tried.add(endpoint.id)
        if isinstance(fault, Overloaded):
            await asyncio.sleep(min(fault.retry_after_s or 0, self.next_pause_s()))
        elif isinstance(fault, Unavailable):
            endpoint.avoid()

    def next_pause_s(self) -> float:
        """How long to wait before the next round: longer each time, and never the same.

        Raises: DeadlineExceeded, when the deadline has passed.
        """
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise _too_late(self.last)
        pause_s, self._pause_s = self._pause_s, min(self._pause_s * 2, LONGEST_PAUSE_S)
        return min(left_s, pause_s * (0.5 + random.random()))


def _too_late(last: MeshFault | None) -> DeadlineExceeded:
    error = DeadlineExceeded(f"no answer in time; the last fault: {last}")
    error.__cause__ = last
    return error
