"""A result that somebody waits for, and until when."""

from __future__ import annotations

import asyncio
import time
from typing import Generic, TypeVar

from thinkimg_rpc.errors import Cancelled, DeadlineExceeded

T = TypeVar("T")


class Awaited(Generic[T]):
    """A result on its way. It is the `Clock` that a tool's call is given."""

    __slots__ = ("deadline", "future")

    def __init__(self, deadline: float | None) -> None:
        self.deadline = deadline
        """On `time.monotonic()`'s clock; None: no limit."""
        self.future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits for the result any more."""
        return self.future.cancelled()

    @property
    def expired(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def remaining_s(self) -> float | None:
        """Seconds left; None without a deadline. From any thread.

        Raises: DeadlineExceeded when there are none, Cancelled when nobody waits.
        """
        if self.abandoned:
            raise Cancelled("nobody waits for this call any more")
        if self.deadline is None:
            return None
        remaining_s = self.deadline - time.monotonic()
        if remaining_s <= 0:
            raise DeadlineExceeded("the deadline passed while the tool was running")
        return remaining_s

    def settle(self, result: T | None, error: BaseException | None) -> None:
        """Hand over the result or the error, if anybody still waits. In the event loop."""
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)  # type: ignore[arg-type]
        else:
            self.future.set_exception(error)
