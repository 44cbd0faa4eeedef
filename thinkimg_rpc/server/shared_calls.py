"""Calls that may share their work with others: answers are kept, and passes are shared."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from typing import Any, TypeVar

from google.protobuf.message import Message

from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import ThinkImgError
from thinkimg_rpc.server.admission import Admission, Admitted
from thinkimg_rpc.server.awaited import Awaited
from thinkimg_rpc.server.batcher import Batcher
from thinkimg_rpc.server.faults import fault_of
from thinkimg_rpc.server.flights import Flight, Flights
from thinkimg_rpc.server.images import WorkerImages
from thinkimg_rpc.server.passes import Passenger, Passes
from thinkimg_rpc.server.queue import Job, WorkQueue
from thinkimg_rpc.server.results import Kept, Results
from thinkimg_rpc.tool import Call, Tool

T = TypeVar("T")

SMALL_BYTES = 16_384
"""Requests up to this size are looked at in the event loop: with their images named by
digest they are read in less time than a thread takes to wake up."""

Answer = tuple[bytes, bool]
"""A serialized response, and whether it was computed for another call."""


class SharedCalls:
    """The calls of one tool that is set up, and is cacheable or answers in batches."""

    def __init__(
        self,
        tool: Tool[Any, Any],
        contract: ToolContract,
        *,
        images: WorkerImages,
        queue: WorkQueue,
        results: Results,
        worker_id: str,
    ) -> None:
        self._tool = tool
        self._contract = contract
        self._queue = queue
        self._results = results
        self._worker_id = worker_id
        self._admission = Admission(tool, contract, images)
        self._batcher: Batcher | None = None
        if tool.batches():
            passes = Passes(tool, contract.name, worker_id)
            self._batcher = Batcher(passes, tool.settings, queue)
        self._flights = Flights[Answer](queue.waiting_elsewhere)

    def submit(
        self,
        take_request: Callable[[], Message],
        nbytes: int,
        finish: Callable[[bytes, bool], bytes],
        deadline: float | None,
        on_upload: Callable[[], None],
    ) -> asyncio.Future[bytes]:
        """What `finish` makes of the answer to a request of that size. Raises: Overloaded."""
        self._queue.check_room()

        async def finished() -> bytes:
            with self._queue.unfinished():
                return finish(*await self._answer(take_request, nbytes, deadline, on_upload))

        return settled_by(finished())

    def close(self) -> None:
        """Let the thread end."""
        if self._batcher is not None:
            self._batcher.close()

    async def _answer(
        self,
        take_request: Callable[[], Message],
        nbytes: int,
        deadline: float | None,
        on_upload: Callable[[], None],
    ) -> Answer:
        with self._batcher.coming() if self._batcher else nullcontext():
            admitted = await self._admit(take_request, nbytes, deadline, on_upload)
        if not self._tool.cacheable:
            return (await self._compute(admitted, Flight[Answer](deadline))).response, False
        kept = self._results.find(admitted.key, self._contract)
        if kept is not None:
            return kept, True
        (response, cached), another = await self._flights.share(
            admitted.key,
            deadline,
            functools.partial(self._look_up_or_compute, admitted),
            brought_images=admitted.brought_images,
        )
        return response, cached or another

    async def _admit(
        self,
        take_request: Callable[[], Message],
        nbytes: int,
        deadline: float | None,
        on_upload: Callable[[], None],
    ) -> Admitted:
        if nbytes <= SMALL_BYTES:
            request = take_request()
            if (admitted := self._admission.admit_at_once(request)) is not None:
                return admitted
            return await self._queue.submit(
                lambda job: self._admission.admit(request, job, on_upload), deadline
            )
        return await self._queue.submit(
            lambda job: self._admission.admit(take_request(), job, on_upload), deadline
        )

    async def _look_up_or_compute(self, admitted: Admitted, flight: Flight[Answer]) -> Answer:
        response = await self._results.fetch(admitted.key, self._contract)
        if response is not None:
            return response, True
        kept = await self._compute(admitted, flight)
        self._results.keep(admitted.key, kept)
        return kept.response, False

    async def _compute(self, admitted: Admitted, flight: Flight[Answer]) -> Kept:
        if self._batcher is None:
            return await self._in_a_thread(functools.partial(self._run, admitted), flight)
        # A call holds its images, decoded, while it waits for its pass: only so many may.
        with self._queue.waiting_elsewhere():
            await self._batcher.seats.acquire()
        try:
            with self._batcher.coming():
                await self._hold_images(admitted, flight)
            passenger = Passenger(flight.deadline, time.monotonic())
            passenger.request = admitted.request
            passenger.call = self._call(admitted, passenger)
            flight.work_is(passenger)
            self._batcher.board(passenger)
            return await passenger.future
        finally:
            self._batcher.seats.release()

    async def _hold_images(self, admitted: Admitted, flight: Flight[Answer]) -> None:
        images = list(self._admission.images_in(admitted.request))
        if not admitted.images.hold_at_once(images):
            await self._in_a_thread(
                lambda job: admitted.images.hold(images, self._call(admitted, job)), flight
            )

    async def _in_a_thread(self, work: Callable[[Job[T]], T], flight: Flight[Answer]) -> T:
        job = Job(work, flight.deadline)
        flight.work_is(job)
        self._queue.put(job)
        return await job.future

    def _run(self, admitted: Admitted, job: Job[Kept]) -> Kept:
        try:
            return Kept.of(self._tool.run(admitted.request, self._call(admitted, job)))
        except ThinkImgError:
            raise
        except BaseException as error:
            raise fault_of(error, self._contract.name, self._worker_id) from error

    def _call(self, admitted: Admitted, clock: Awaited[Any]) -> Call:
        return Call(admitted.request, admitted.images, clock, worker_id=self._worker_id)


def settled_by(work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
    """A future that `work` settles, and whose being settled by others cancels `work`.

    (A task cannot be given a result from outside, which is how time runs out.)
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    task = loop.create_task(work)

    def settle(_: object) -> None:
        error = None if task.cancelled() else task.exception()
        if future.done():
            return
        if task.cancelled():
            future.cancel()
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(task.result())

    future.add_done_callback(lambda _: task.cancel())
    task.add_done_callback(settle)
    return future
