"""A whole mesh inside the caller's process, behind a private socket."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.server.worker import Worker
from thinkimg_rpc.settings import HubSettings, LimitSettings, WorkerSettings

if TYPE_CHECKING:
    from thinkimg_rpc.client.mesh import Mesh
    from thinkimg_rpc.tool import Tool

DRAIN_S = 1.0


@asynccontextmanager
async def local_mesh(
    tools: Sequence[type[Tool[Any, Any]]],
    *,
    workers: int,
    concurrency: int,
    limits: LimitSettings,
) -> AsyncIterator[Mesh]:
    """Serve `tools` on sockets in a folder that only this user can enter, and connect."""
    from thinkimg_rpc.client.mesh import Mesh

    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="thinkimg-")))
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
                drain_s=DRAIN_S,
            )
            worker = Worker(settings, [tool() for tool in tools])
            await worker.start()
            stack.push_async_callback(worker.drain)
            await asyncio.wait_for(worker.lease.registered.wait(), 10)
        mesh = Mesh(hub.address, token="", max_message_bytes=limits.max_message_bytes)
        yield await stack.enter_async_context(mesh)
