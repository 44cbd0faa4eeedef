"""Stock gRPC clients in two languages follow a mesh whose workers come and go."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import google.rpc
import pytest

from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.xds.bootstrap import bootstrap

from ...mesh_fixtures import until
from .caller import calling
from .worker_process import WAIT_S, WorkerProcess

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
NODE_FOLDER = ROOT / "build" / "xds-calls"
CALLS = 10_000
IN_FLIGHT = 16

StartWorker = Callable[[str], Awaitable[WorkerProcess]]

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
async def start_worker(hub: Hub, tmp_path: Path) -> AsyncIterator[StartWorker]:
    """Starts a worker process and waits until it is registered."""
    async with AsyncExitStack() as stack:

        async def start(worker_id: str) -> WorkerProcess:
            log = tmp_path / f"{worker_id}.log"
            worker = await WorkerProcess.start(worker_id, hub.address, log)
            stack.push_async_callback(worker.crash)
            await until(lambda: worker_id in hub.table.leases, WAIT_S)
            return worker

        yield start


@pytest.fixture(params=["python", "node"])
def client(request: pytest.FixtureRequest) -> list[str]:
    """The command line of a client that makes CALLS calls or more."""
    numbers = [str(CALLS), str(IN_FLIGHT)]
    if request.param == "python":
        return [sys.executable, str(HERE / "calls.py"), *numbers]
    program = _node_program()
    google_protos = Path(next(iter(google.rpc.__path__))).parents[1]
    return ["node", str(program), str(ROOT / "protos"), str(google_protos), *numbers]


async def test_no_call_fails_while_workers_join_drain_and_crash(
    hub: Hub, start_worker: StartWorker, client: list[str]
) -> None:
    first, second = await start_worker("echo-0"), await start_worker("echo-1")
    assert hub.xds is not None
    config = json.dumps(bootstrap(hub.xds.address, None))
    async with calling(client, GRPC_XDS_BOOTSTRAP_CONFIG=config) as caller:
        await caller.until_answered_by("echo-0")
        await caller.until_answered_by("echo-1")
        third = await start_worker("echo-2")
        began = time.monotonic()
        await caller.until_answered_by("echo-2")
        print(
            f"the third worker got its first call {time.monotonic() - began:.2f} s after it joined"
        )
        await first.drain()
        await start_worker("echo-3")
        await caller.until_answered_by("echo-3", 100)
        await second.crash()
        await third.drain()
        await caller.until_answered_by("echo-3", 100)
        await caller.end()
    assert caller.failures == []
    assert caller.total >= CALLS


def _node_program() -> Path:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs node and npm")
    NODE_FOLDER.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "calls.cjs"):
        shutil.copy(HERE / name, NODE_FOLDER)
    install = ["npm", "install", "--no-audit", "--no-fund"]
    finished = subprocess.run(install, cwd=NODE_FOLDER, capture_output=True, text=True, timeout=240)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return NODE_FOLDER / "calls.cjs"
