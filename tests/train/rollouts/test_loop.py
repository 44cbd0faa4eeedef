"""The event loop that rollouts have, in threads of its own."""

from __future__ import annotations

import asyncio
import threading

import pytest

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


def test_what_was_begun_goes_on_until_its_result_is_asked_for() -> None:
    went_on = threading.Event()

    async def work() -> int:
        went_on.set()
        return 7

    with LoopThread() as loop:
        begun = loop.begin(work())
        assert went_on.wait(10)
        assert loop.finish(begun) == 7


def test_what_is_cancelled_is_over_when_that_returns() -> None:
    over = threading.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            over.set()

    with LoopThread() as loop:
        loop.cancel(loop.begin(work()))
        assert over.is_set()


def test_what_went_wrong_comes_out_where_the_result_is_asked_for() -> None:
    async def work() -> None:
        raise ArithmeticError("of all things")

    with LoopThread() as loop:
        begun = loop.begin(work())
        with pytest.raises(ArithmeticError, match="of all things"):
            loop.finish(begun)
