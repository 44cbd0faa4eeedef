"""Meshes: of real processes under the supervisor, and of one's own making in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from thinkimg_rpc.channel import open_channel
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.server.worker import Worker
from thinkimg_rpc.settings import MIB, HubSettings, LimitSettings, WorkerSettings
from thinkimg_rpc.tool import Tool

from .figures import Figures
from .registry_log import RegistryLog, registry_log
from .served_mesh import REPLICAS, ServedMesh, served_mesh

BOTH_S = 20.0

StartWorker = Callable[..., Awaitable[Worker]]


@pytest.fixture(scope="session")
def figures() -> Figures:
    return Figures()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[ServedMesh]:
    """Two replicas of Echo and a front door, in processes of their own."""
    async with served_mesh(tmp_path) as serving:
        yield serving


@pytest.fixture
async def log(served: ServedMesh) -> AsyncIterator[RegistryLog]:
    """The registry of the served mesh, which knows both replicas."""
    async with registry_log(served.address) as following:
        await following.until(lambda: following.present.keys() == set(REPLICAS), BOTH_S)
        yield following


@pytest.fixture
async def mesh(served: ServedMesh) -> AsyncIterator[Mesh]:
    async with Mesh(served.address) as connected:
        yield connected


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    """A registry and front door in this process, without any worker yet."""
    hub = Hub(HubSettings(address="127.0.0.1:0", drain_s=0.5))
    await hub.start()
    yield hub
    await hub.drain()


@pytest.fixture
async def start_worker(hub: Hub) -> AsyncIterator[StartWorker]:
    """Starts a worker of `hub` in this process: start_worker("echo-0", Echo(), concurrency=1)."""
    async with AsyncExitStack() as stack:

        async def start(
            id: str, tool: Tool[Any, Any], *, concurrency: int = 2, queue_length: int = 256
        ) -> Worker:
            settings = WorkerSettings(
                id=id,
                tools=(),
                registry=hub.address,
                concurrency=concurrency,
                limits=LimitSettings(queue_length=queue_length),
                drain_s=0.5,
            )
            worker = Worker(settings, [tool])
            await worker.start()
            stack.push_async_callback(worker.drain)
            await asyncio.wait_for(worker.lease.registered.wait(), BOTH_S)
            return worker

        yield start


@pytest.fixture
async def front_door(hub: Hub) -> AsyncIterator[grpc.aio.Channel]:
    """A plain channel to the front door, as a foreign client has it."""
    channel = open_channel(hub.address, max_message_bytes=32 * MIB)
    yield channel
    await channel.close(None)
