"""A whole mesh inside the caller's process, behind a private socket."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.server.worker import Worker
from thinkimg_rpc.settings import HubSettings, LimitSettings, ModelSettings, WorkerSettings

if TYPE_CHECKING:
    from thinkimg_rpc.client.mesh import Mesh
    from thinkimg_rpc.tool import Tool

DRAIN_S = 1.0
LONGEST_FOLDER_BYTES = 70
"""Of the folder for temporary files; a socket's path may have 103 bytes on every system."""
REGISTRATION_S = 10.0


@asynccontextmanager
async def local_mesh(
    tools: Sequence[type[Tool[Any, Any]]],
    *,
    workers: int,
    concurrency: int,
    limits: LimitSettings,
    models: ModelSettings,
) -> AsyncIterator[Mesh]:
    """Serve `tools` on sockets in a folder that only this user can enter, and connect.

    Raises: CallerError, when the registry refuses the tools' contracts.
    """
    from thinkimg_rpc.client.mesh import Mesh

    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(_private_folder()))
        hub = Hub(HubSettings(address=f"unix:{folder}/hub", limits=limits, drain_s=DRAIN_S))
        await hub.start()
        stack.push_async_callback(hub.drain)
        for number in range(workers):
            settings = WorkerSettings(
                id=f"local-{number}",
                tools=(),
                registry=hub.address,
                address=f"unix:{folder}/worker-{number}",
                concurrency=concurrency,
                limits=limits,
                models=models,
                drain_s=DRAIN_S,
            )
            worker = Worker(settings, [tool() for tool in tools])
            await worker.start()
            stack.push_async_callback(worker.drain)
            await _registered(worker)
        mesh = Mesh(hub.address, token="", max_message_bytes=limits.max_message_bytes)
        yield await stack.enter_async_context(mesh)


async def _registered(worker: Worker) -> None:
    """Raises: CallerError, saying why the registry refuses the worker; TimeoutError."""
    registered = asyncio.create_task(worker.lease.registered.wait())
    done, _ = await asyncio.wait(
        {registered, worker.leasing},
        timeout=REGISTRATION_S,
        return_when=asyncio.FIRST_COMPLETED,
    )
    if worker.leasing in done:
        registered.cancel()
        raise worker.leasing.result()
    if registered not in done:
        registered.cancel()
        raise TimeoutError(f"{worker.settings.id} could not register in {REGISTRATION_S:g} s")


def _private_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that only this user can enter, whose sockets' paths are not too long."""
    usual = os.fsencode(tempfile.gettempdir())
    return tempfile.TemporaryDirectory(
        prefix="thinkimg-", dir="/tmp" if len(usual) > LONGEST_FOLDER_BYTES else None
    )
