"""What every foreign client is tried on: a mesh's front door, and a picture to crop."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.server.worker import Worker
from thinkimg_rpc.settings import HubSettings, WorkerSettings
from thinkimg_rpc.xds.bootstrap import bootstrap
from thinkimg_workers.crop import Crop

WIDTH, HEIGHT = 640, 360


@pytest.fixture(scope="session")
def hub() -> Iterator[Hub]:
    """A hub of a mesh that serves Crop, in a thread of its own."""
    serving: Future[Hub] = Future()
    stop = asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with _mesh() as hub:
            serving.set_result(hub)
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    yield serving.result(timeout=60)
    loop.call_soon_threadsafe(stop.set)
    thread.join(timeout=20)


@pytest.fixture(scope="session")
def mesh_address(hub: Hub) -> str:
    """HOST:PORT of the front door."""
    return hub.address


@pytest.fixture(scope="session")
def bootstrap_file(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What stock gRPC clients find the workers with."""
    assert hub.xds is not None
    path = tmp_path_factory.mktemp("xds") / "bootstrap.json"
    path.write_text(json.dumps(bootstrap(hub.xds.address, None)))
    return path


@asynccontextmanager
async def _mesh() -> AsyncIterator[Hub]:
    hub = Hub(HubSettings(address="127.0.0.1:0", xds_address="127.0.0.1:0"))
    await hub.start()
    worker = Worker(WorkerSettings(id="image-0", tools=(), registry=hub.address), [Crop()])
    await worker.start()
    await asyncio.wait_for(worker.lease.registered.wait(), 10)
    try:
        yield hub
    finally:
        await worker.drain()
        await hub.drain()


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PNG of 640 by 360 whose every pixel tells where it is."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    pixels = np.stack([columns % 256, rows % 256, columns // 256], axis=-1).astype(np.uint8)
    path = tmp_path_factory.mktemp("picture") / "input.png"
    cv2.imwrite(str(path), pixels)
    return path
