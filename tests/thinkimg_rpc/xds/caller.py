"""A client process that calls Echo through xDS until it is told to end, and what it reports."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

WAIT_S = 100.0


class Caller:
    """Counts the answers of a client as they come."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._news = asyncio.Condition()
        self.by_worker: Counter[str] = Counter()
        self.failures: list[str] = []

    @property
    def total(self) -> int:
        return self.by_worker.total() + len(self.failures)

    async def until_answered_by(self, worker_id: str, more: int = 1) -> None:
        """Wait until that worker has answered so many more calls."""
        wanted = self.by_worker[worker_id] + more
        async with asyncio.timeout(WAIT_S), self._news:
            await self._news.wait_for(lambda: self.by_worker[worker_id] >= wanted)

    async def end(self) -> None:
        """Let it make the calls it still has to make; it must end well."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(2 * WAIT_S):
            assert await self._process.wait() == 0

    async def read(self) -> None:
        """Count until its output ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            word = line.decode().strip()
            async with self._news:
                if word.startswith("echo-"):
                    self.by_worker[word] += 1
                else:
                    self.failures.append(word)
                self._news.notify_all()


@asynccontextmanager
async def calling(command: Sequence[str], **environment: str) -> AsyncIterator[Caller]:
    """Start a client; it is killed if it does not end in the block."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=os.environ | environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    caller = Caller(process)
    reading = asyncio.create_task(caller.read())
    try:
        yield caller
        await reading
    finally:
        reading.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()
