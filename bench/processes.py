"""The servers of a benchmark: the mesh as its supervisor starts it, and the yardsticks'."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from thinkimg_rpc.process import PARENT_PID_VARIABLE
from thinkimg_rpc.serve.child import Child, ChildState
from thinkimg_rpc.serve.config import MeshConfig, WorkerSection
from thinkimg_rpc.serve.plan import Surroundings, hub_spec, worker_specs
from thinkimg_rpc.serve.supervisor import Supervisor
from thinkimg_rpc.settings import SETTINGS_VARIABLE, LimitSettings

IMAGE_TOOLS = (
    "thinkimg_workers.crop:Crop",
    "thinkimg_workers.draw_horizontal_line_by_y:DrawHorizontalLineByY",
    "thinkimg_workers.draw_vertical_line_by_x:DrawVerticalLineByX",
)
ECHO_TOOLS = ("thinkimg_rpc.testing.echo:Echo",)
CONCURRENCY = 2
"""Calls that a worker, and each yardstick, runs at once."""


@dataclass(frozen=True)
class ServedMesh:
    """A running mesh."""

    address: str
    hub_pid: int
    worker_pids: Mapping[str, int]


@dataclass(frozen=True)
class ServedYardstick:
    """A running yardstick: where, and which process."""

    address: str
    pid: int


def image_worker(limits_bytes: int | None = None) -> WorkerSection:
    """The worker of the default mesh that has the image tools."""
    return WorkerSection(
        name="image", tools=IMAGE_TOOLS, concurrency=CONCURRENCY, image_cache_bytes=limits_bytes
    )


def echo_worker() -> WorkerSection:
    """A worker whose tool does nothing."""
    return WorkerSection(name="echo", tools=ECHO_TOOLS, concurrency=CONCURRENCY)


@asynccontextmanager
async def serve_mesh(*workers: WorkerSection) -> AsyncIterator[ServedMesh]:
    """The real hub and worker processes, on free ports."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="thinkimg-bench-")))
        supervisor = await stack.enter_async_context(Supervisor(lambda _: None))
        shared = _surroundings(folder)
        hub = supervisor.start_hub(hub_spec(MeshConfig(), shared, "127.0.0.1:0"))
        await _wait_serving(hub)
        supervisor.start_workers(
            worker_specs(
                workers,
                shared,
                limits=LimitSettings(),
                registry=hub.address,
                listen_host="127.0.0.1",
                advertise_host="",
            )
        )
        for worker in supervisor.workers:
            await _wait_serving(worker)
        assert hub.pid is not None
        pids = {child.spec.name: child.pid or 0 for child in supervisor.workers}
        yield ServedMesh(hub.address, hub.pid, pids)
        await supervisor.drain(shared.drain_s)


@asynccontextmanager
async def serve_yardstick(module: str, *arguments: str) -> AsyncIterator[ServedYardstick]:
    """Run a yardstick's server with the environment a worker gets."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env={**worker_environment(), PARENT_PID_VARIABLE: str(os.getpid())},
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            line = await process.stdout.readline()
        if not line:
            raise RuntimeError(f"{module} did not start; its error is above")
        yield ServedYardstick(line.decode().strip(), process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def worker_environment() -> dict[str, str]:
    """What the supervisor sets for a worker: every process of a benchmark runs with it."""
    (spec,) = worker_specs(
        [echo_worker()],
        _surroundings(Path()),
        limits=LimitSettings(),
        registry="127.0.0.1:1",
        listen_host="127.0.0.1",
        advertise_host="",
    )
    return {key: value for key, value in spec.environment.items() if key != SETTINGS_VARIABLE}


def _surroundings(folder: Path) -> Surroundings:
    return Surroundings(token="", tls=None, insecure=False, drain_s=1.0, log_dir=folder)


async def _wait_serving(child: Child) -> None:
    async with asyncio.timeout(20):
        await child.wait_until(
            lambda child: child.state in (ChildState.SERVING, ChildState.FAILED) or child.starts > 1
        )
    if child.state is not ChildState.SERVING:
        raise RuntimeError(f"{child.spec.name} does not start: {child.reason}")
