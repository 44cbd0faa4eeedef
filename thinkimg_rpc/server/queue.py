"""The bounded, deadline-aware queue between gRPC's event loop and the tools' threads."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from thinkimg_rpc.errors import DeadlineExceeded, Overloaded

T = TypeVar("T")
logger = logging.getLogger(__name__)

RETRY_AFTER_S = 0.05


class Job(Generic[T]):
    """Work for one call: what to run, until when, and who waits for it."""

    __slots__ = ("deadline", "future", "started", "work")

    def __init__(self, work: Callable[[Job[T]], T], deadline: float | None) -> None:
        self.work = work
        self.deadline = deadline
        """On `time.monotonic()`'s clock; None: no limit."""
        self.future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.started = False

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits for the result any more."""
        return self.future.cancelled()

    @property
    def expired(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline


class WorkQueue:
    """Runs jobs in `threads` threads, with at most `limit` waiting.

    A job whose caller has gone or whose deadline has passed before a thread is
    free does no work. Hand-rolled rather than `ThreadPoolExecutor`, whose
    second future and its locks cost a third of a small call.
    """

    def __init__(self, threads: int, limit: int) -> None:
        self._limit = limit
        self._jobs: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._settled = asyncio.Event()
        self.waiting = 0
        self.running = 0
        self._threads = [
            threading.Thread(target=self._work, name=f"tool-{i}", daemon=True)
            for i in range(threads)
        ]

    def start(self) -> None:
        """Let the threads begin; from then on `close` ends them."""
        for thread in self._threads:
            thread.start()

    def submit(self, work: Callable[[Job[T]], T], deadline: float | None) -> asyncio.Future[T]:
        """Queue `work`; awaiting the future gives its result. From the event loop only.

        Raises: Overloaded, when `limit` jobs wait already.
        """
        if self.waiting >= self._limit:
            raise Overloaded(
                f"{self.waiting} calls are waiting for this worker already",
                retry_after_s=RETRY_AFTER_S,
            )
        job = Job(work, deadline)
        job.future.add_done_callback(lambda _: self._forget(job))
        with self._lock:
            self.waiting += 1
        self._jobs.put(job)
        return job.future

    async def join(self) -> None:
        """Return once nothing waits and nothing runs."""
        while self.waiting or self.running:
            self._settled.clear()
            await self._settled.wait()

    def close(self) -> None:
        """Let the threads end once the jobs queued so far are done."""
        for _ in self._threads:
            self._jobs.put(None)

    def _forget(self, job: Job[Any]) -> None:
        # A caller that gives up frees its place in the queue at once, although
        # the job itself is only passed over when a thread comes to it.
        with self._lock:
            if not job.started:
                job.started = True
                self.waiting -= 1

    def _begin(self, job: Job[Any]) -> bool:
        with self._lock:
            if job.started:
                return False
            job.started = True
            self.waiting -= 1
            self.running += 1
        return True

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if not self._begin(job):
                continue
            result: Any = None
            error: BaseException | None = None
            try:
                if job.expired:
                    raise DeadlineExceeded("the deadline passed while the call was waiting")
                result = job.work(job)
            except BaseException as raised:
                error = raised
            with self._lock:
                self.running -= 1
            self._deliver(job, result, error)

    def _deliver(self, job: Job[Any], result: Any, error: BaseException | None) -> None:
        """Settle the job's future from a thread."""
        try:
            job.future.get_loop().call_soon_threadsafe(self._settle, job.future, result, error)
        except RuntimeError:
            # The loop closed while a tool was still running: nobody is left to answer.
            logger.info("result_after_stop")

    def _settle(
        self, future: asyncio.Future[Any], result: Any, error: BaseException | None
    ) -> None:
        self._settled.set()
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
