"""A worker whose network goes away loses its lease, and has it again once it is back."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from thinkimg_rpc.settings import SETTINGS_VARIABLE, HubSettings, WorkerSettings

from .figures import Figures
from .namespaces import inside, linked_namespaces, why_not
from .served_mesh import CONSOLE_SCRIPT

SCENARIO = "registry and worker in network namespaces, the link cut and mended"
WAIT_S = 20.0
PORT = 50051


class Process:
    """A hub or a worker in a namespace, read through its log."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def logged(self, message: str) -> float:
        """When it logs this next, on `time.monotonic()`'s clock."""
        assert self._process.stderr is not None
        async with asyncio.timeout(WAIT_S):
            while line := await self._process.stderr.readline():
                if json.loads(line)["message"] == message:
                    return time.monotonic()
        raise AssertionError(f"the process ended without logging {message}")


@asynccontextmanager
async def _process(
    namespace: str, module: str, settings: HubSettings | WorkerSettings
) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *inside(namespace, sys.executable, "-m", module),
        env={**os.environ, SETTINGS_VARIABLE: msgspec.json.encode(settings).decode()},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Process(process)
    finally:
        process.kill()
        await process.communicate()


async def _call(namespace: str, address: str) -> str:
    """What one call through the front door prints."""
    process = await asyncio.create_subprocess_exec(
        *inside(namespace, str(CONSOLE_SCRIPT), "call", "Echo", "--address", address),
        *("--args", json.dumps({"text": "over the link"}), "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return output.decode()


async def test_the_lease_ends_with_the_link_and_comes_back_with_it(figures: Figures) -> None:
    if reason := why_not():
        pytest.skip(reason)
    with linked_namespaces() as pair:
        registry = f"{pair.near_host}:{PORT}"
        hub_settings = HubSettings(address=registry, insecure=True)
        worker_settings = WorkerSettings(
            id="echo-0",
            tools=("thinkimg_rpc.testing.echo:Echo",),
            registry=registry,
            address=f"{pair.far_host}:0",
            insecure=True,
        )
        async with (
            _process(pair.near, "thinkimg_rpc.hub", hub_settings) as hub,
            _process(pair.far, "thinkimg_rpc.server", worker_settings),
        ):
            await hub.logged("worker_joined")
            cut = time.monotonic()
            pair.cut()
            left = await hub.logged("worker_left")
            mended = time.monotonic()
            pair.mend()
            back = await hub.logged("worker_joined")
            answer = await _call(pair.near, registry)
    assert json.loads(answer)["text"] == "over the link", answer
    figures.seconds(SCENARIO, "dropped by the registry, after the cut", left - cut, 5.0)
    figures.seconds(SCENARIO, "registered again, after the mending", back - mended, 3.0)
