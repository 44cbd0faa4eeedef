"""The event loop that rollouts have, in threads of its own."""

from __future__ import annotations

import asyncio
import threading

from thinkimg_train.rollouts.loop import LoopThread


def test_each_of_its_threads_begins_as_it_was_told() -> None:
    # As the GPU is that a thread means where it names none.
    begun: set[int] = set()

    def begin() -> None:
        begun.add(threading.get_ident())

    async def threads() -> set[int]:
        return {threading.get_ident(), await asyncio.to_thread(threading.get_ident)}

    with LoopThread(begin) as loop:
        used = loop.run(threads())
        assert len(used) == 2
        assert used <= begun
