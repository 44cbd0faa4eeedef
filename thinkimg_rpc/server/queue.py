"""The bounded, deadline-aware queue between gRPC's event loop and the tools' threads."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, TypeVar

from thinkimg_rpc.errors import DeadlineExceeded, Overloaded
from thinkimg_rpc.server.awaited import Awaited

T = TypeVar("T")
logger = logging.getLogger(__name__)

RETRY_AFTER_S = 0.05


class Job(Awaited[T]):
    """Work for one call, or for several that want the same."""

    __slots__ = ("started", "work")

    def __init__(self, work: Callable[[Job[T]], T], deadline: float | None) -> None:
        super().__init__(deadline)
        self.work = work
        self.started = False


class WorkQueue:
    """Runs jobs in `threads` threads, with at most `limit` waiting.

    A job whose caller has gone or whose deadline has passed before a thread is
    free does no work. Hand-rolled rather than `ThreadPoolExecutor`, whose
    second future and its locks cost a third of a small call.
    """

    def __init__(self, threads: int, limit: int, name: str = "tool") -> None:
        self._limit = limit
        self._jobs: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._settled = asyncio.Event()
        self.waiting = 0
        self.running = 0
        self._unfinished = 0
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{i}", daemon=True)
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
        job = Job(work, deadline)
        self.put(job)
        return job.future

    def put(self, job: Job[Any]) -> None:
        """Queue a job. From the event loop only. Raises: Overloaded."""
        self.check_room()
        job.future.add_done_callback(lambda _: self._forget(job))
        with self._lock:
            self.waiting += 1
        self._jobs.put(job)

    def check_room(self) -> None:
        """Raises: Overloaded, when `limit` calls wait already."""
        if self.waiting >= self._limit:
            raise Overloaded(
                f"{self.waiting} calls are waiting for this worker already",
                retry_after_s=RETRY_AFTER_S,
            )

    def shift(self, *, waiting: int = 0, running: int = 0) -> None:
        """Count calls that wait for, or are run by, something other than these threads."""
        with self._lock:
            self.waiting += waiting
            self.running += running
        self._settled.set()

    @contextmanager
    def waiting_elsewhere(self) -> Iterator[None]:
        """Inside, a call waits for something other than a thread. In the event loop."""
        self.shift(waiting=1)
        try:
            yield
        finally:
            self.shift(waiting=-1)

    @contextmanager
    def unfinished(self) -> Iterator[None]:
        """`join` waits for what happens inside, between two jobs too. In the event loop."""
        self._unfinished += 1
        try:
            yield
        finally:
            self._unfinished -= 1
            self._settled.set()

    async def join(self) -> None:
        """Return once nothing waits and nothing runs."""
        while self.waiting or self.running or self._unfinished:
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
            job.future.get_loop().call_soon_threadsafe(self._settle, job, result, error)
        except RuntimeError:
            # The loop closed while a tool was still running: nobody is left to answer.
            logger.info("result_after_stop")

    def _settle(self, job: Job[Any], result: Any, error: BaseException | None) -> None:
        self._settled.set()
        job.settle(result, error)
