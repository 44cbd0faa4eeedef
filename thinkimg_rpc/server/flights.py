"""Equal calls at once cost one computation: single flight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar

from thinkimg_rpc.errors import CallerError, Cancelled, ImageNotCached, ThinkImgError
from thinkimg_rpc.server.awaited import Awaited

T = TypeVar("T")


class Flight(Generic[T]):
    """One computation, and the calls that wait for it.

    It may take as long as the most patient of them, and ends when the last has gone.
    """

    def __init__(self, deadline: float | None) -> None:
        self.deadline = deadline
        self.waiting = 0
        self.task: asyncio.Task[T]
        self._work: Awaited[Any] | None = None

    def work_is(self, work: Awaited[Any]) -> None:
        """What the computation waits for now: its deadline moves with the flight's."""
        self._work = work
        work.deadline = self.deadline

    def extend(self, deadline: float | None) -> None:
        """Take as long as a call with that deadline lets it, if that is longer."""
        if self.deadline is not None:
            self.deadline = None if deadline is None else max(self.deadline, deadline)
        if self._work is not None:
            self._work.deadline = self.deadline


class Flights(Generic[T]):
    """The computations going on, by key. Used in the event loop.

    `follows` is entered for as long as a call waits for a computation that
    another began.
    """

    def __init__(self, follows: Callable[[], AbstractContextManager[None]]) -> None:
        self._follows = follows
        self._flights: dict[bytes, Flight[T]] = {}

    async def share(
        self,
        key: bytes,
        deadline: float | None,
        compute: Callable[[Flight[T]], Coroutine[Any, Any, T]],
        *,
        brought_images: bool,
    ) -> tuple[T, bool]:
        """What `compute` gives, or gave another call of this key; and whether another's.

        A caller's error is everybody's. After a fault of the mesh, those that did
        not begin the computation begin one of their own; so do those that brought
        the images it lacked.
        """
        while True:
            flight = self._flights.get(key)
            if flight is None:
                return await self._wait(key, self._begin(key, deadline, compute)), False
            flight.extend(deadline)
            try:
                with self._follows():
                    return await self._wait(key, flight), True
            except ThinkImgError as error:
                if _is_everybodys(error, brought_images=brought_images):
                    raise

    def _begin(
        self,
        key: bytes,
        deadline: float | None,
        compute: Callable[[Flight[T]], Coroutine[Any, Any, T]],
    ) -> Flight[T]:
        flight = self._flights[key] = Flight[T](deadline)
        flight.task = asyncio.create_task(compute(flight))
        flight.task.add_done_callback(lambda _: self._end(key, flight))
        return flight

    async def _wait(self, key: bytes, flight: Flight[T]) -> T:
        flight.waiting += 1
        try:
            # Whoever gives up leaves the others their computation.
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                self._end(key, flight)

    def _end(self, key: bytes, flight: Flight[T]) -> None:
        flight.task.cancel()  # which is nothing to one that is done
        if self._flights.get(key) is flight:
            del self._flights[key]


def _is_everybodys(error: ThinkImgError, *, brought_images: bool) -> bool:
    """Whether a computation's error is the answer to each of the calls that waited."""
    if isinstance(error, ImageNotCached):
        return not brought_images
    return isinstance(error, CallerError) and not isinstance(error, Cancelled)
