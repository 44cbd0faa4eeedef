"""One run of `thinkimg serve`, from the first process to the last: signals and exit status."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from thinkimg_rpc.serve.display import Display
from thinkimg_rpc.serve.supervisor import Supervisor

EXIT_KILLED = 130

Body = Callable[[Supervisor], Coroutine[Any, Any, int]]


async def supervise(body: Body, display: Display, drain_s: float) -> int:
    """Run `body` with a supervisor until it returns or a signal comes; the exit status.

    SIGINT, SIGTERM and SIGHUP drain, a second one kills. No process is left,
    also when `body` raises, which is raised again here.
    """
    stop = asyncio.Event()
    killed = asyncio.Event()
    async with Supervisor(display.child_changed) as supervisor:

        def on_signal() -> None:
            if stop.is_set():
                killed.set()
                supervisor.kill()
            stop.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, on_signal)
        running = asyncio.create_task(body(supervisor))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            display.say(f"stopping: calls in flight have {drain_s:g} s (Ctrl-C again kills)")
        running.cancel()
        stopping.cancel()
        await asyncio.wait([running, stopping])
        await supervisor.drain(drain_s)
    if killed.is_set():
        return EXIT_KILLED
    return 0 if running.cancelled() else running.result()
