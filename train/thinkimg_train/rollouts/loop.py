"""An event loop in a thread of its own: connections live on while the trainer computes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractAsyncContextManager, contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs what is asynchronous for a program that is not. Use it in a `with`.

    Args:
        begin_thread: called first in each of its threads: some settings, such as the GPU that
            is meant where none is named, are a thread's own.
    """

    def __init__(self, begin_thread: Callable[[], None] = lambda: None) -> None:
        self._begin_thread = begin_thread

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        # For all that the loop's work does in threads, such as the passes of a model.
        self._loop.set_default_executor(
            ThreadPoolExecutor(thread_name_prefix="rollouts", initializer=self._begin_thread)
        )
        self._thread = threading.Thread(target=self._run, name="rollouts", daemon=True)
        self._thread.start()
        return self

    def _run(self) -> None:
        self._begin_thread()
        self._loop.run_forever()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Its result, or what it raised. Left by Ctrl-C, it is cancelled first."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin what goes on by itself until `finish` asks for its result, or `cancel` ends it."""

        async def begun() -> asyncio.Task[T]:
            return asyncio.create_task(work)

        return self.run(begun())

    def finish(self, task: asyncio.Task[T]) -> T:
        """The result of what was begun, or what it raised. Left by Ctrl-C, it is cancelled."""

        async def result() -> T:
            return await task

        return self.run(result())

    def cancel(self, task: asyncio.Task[Any]) -> None:
        """End what was begun; whatever it was doing is over afterwards."""

        async def ended() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self.run(ended())

    @contextmanager
    def held(self, context: AbstractAsyncContextManager[T]) -> Iterator[T]:
        """What an `async with` gives. One task opens and closes it, as task groups want it."""
        opened: Future[T] = Future()
        over = asyncio.Event()

        async def hold() -> None:
            async with context as value:
                opened.set_result(value)
                await over.wait()

        holding = asyncio.run_coroutine_threadsafe(hold(), self._loop)
        try:
            both: list[Future[Any]] = [opened, holding]
            wait(both, return_when=FIRST_COMPLETED)
            if not opened.done():
                holding.result()
            yield opened.result()
        except BaseException:
            if not opened.done():
                holding.cancel()
            raise
        finally:
            self._loop.call_soon_threadsafe(over.set)
            wait([holding])
        holding.result()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
