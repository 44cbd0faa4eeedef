"""Yardstick 1: no mesh at all. The tools are called in this process, in two threads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bench.processes import CONCURRENCY
from bench.workload import Picture, Step
from bench.yardsticks.tools import Encode, KeptImages, Toolbox
from thinkimg_rpc.v1 import Image


class InProcessCalls:
    """Each call in one of the pool's threads; results are encoded, and kept decoded."""

    def __init__(self, pool: ThreadPoolExecutor, encode: Encode) -> None:
        self._pool = pool
        self._images = KeptImages(encode)
        self._tools = Toolbox(self._images)

    async def open(self, data: bytes) -> Picture:
        return Picture(data, self._images.open(data))

    async def run(self, step: Step, picture: Picture) -> Picture:
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, self._run, step, picture
        )

    def _run(self, step: Step, picture: Picture) -> Picture:
        result = self._tools.run(step.tool, step.arguments, Image(digest=picture.name))
        return Picture(result.data, result.digest)


@contextmanager
def in_process(encode: Encode) -> Iterator[InProcessCalls]:
    """The tools in a pool of as many threads as a worker has."""
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        yield InProcessCalls(pool, encode)
