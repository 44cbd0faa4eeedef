"""One worker process, as the supervisor starts it."""

from __future__ import annotations

import asyncio
import platform
import sys

from thinkimg_rpc.contract import ContractError
from thinkimg_rpc.event_loop import run
from thinkimg_rpc.logs import configure
from thinkimg_rpc.process import (
    announce_serving,
    die_with_parent,
    refuse_to_start,
    stop_signal,
)
from thinkimg_rpc.server.worker import Worker
from thinkimg_rpc.settings import CannotStart, WorkerSettings, from_environment
from thinkimg_rpc.tool import load_tool


def main() -> None:
    die_with_parent()
    try:
        settings = from_environment(WorkerSettings)
        configure(settings.id)
        tools = [load_tool(spec)() for spec in settings.tools]
        run(_serve(Worker(settings, tools)))
    except (CannotStart, ContractError) as error:
        refuse_to_start(str(error))


async def _serve(worker: Worker) -> None:
    stop = stop_signal()
    await worker.start()
    stopped = asyncio.create_task(stop.wait())
    registered = asyncio.create_task(worker.lease.registered.wait())
    abandoned = asyncio.create_task(_wait_abandoned(worker))
    ends = {worker.leasing, stopped, abandoned}
    await asyncio.wait({*ends, registered}, return_when=asyncio.FIRST_COMPLETED)
    if registered.done():
        announce_serving(worker.address)
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    refusal = worker.leasing.result() if worker.leasing.done() else None
    await worker.drain()
    if refusal is not None:
        raise CannotStart(refusal.message)
    if abandoned.done():
        sys.exit(abandoned.result())


async def _wait_abandoned(worker: Worker) -> str:
    """Wait until the worker has no mesh any more, if it is to end then; why it ends."""
    settings = worker.settings
    if not settings.abandoned_after_s:
        await asyncio.Event().wait()
    await worker.lease.abandoned(settings.abandoned_after_s)
    return (
        f"no registry at {settings.registry} for {settings.abandoned_after_s:g} s; "
        f"[mesh] address must be one that {platform.node()} can reach"
    )


if __name__ == "__main__":
    main()
