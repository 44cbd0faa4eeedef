from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from thinkimg_rpc.serve.leash import run_on_leash

WITH_A_CHILD = """
import subprocess
child = subprocess.Popen(["sleep", "600"])
print(child.pid, flush=True)
child.wait()
"""
SUPERVISE = """
import asyncio, os, sys
from pathlib import Path
from thinkimg_rpc.serve.leash import run_on_leash
command = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]
say = lambda line: print(line, flush=True)
asyncio.run(run_on_leash(command, environment=os.environ, folder=Path("."), on_line=say))
"""


async def run(folder: Path, hear: Callable[[str], None], *command: str) -> int:
    return await run_on_leash(command, environment=dict(os.environ), folder=folder, on_line=hear)


def gone(process: psutil.Process) -> bool:
    _, alive = psutil.wait_procs([process], timeout=5)
    return all(one.status() == psutil.STATUS_ZOMBIE for one in alive)


async def test_each_line_is_heard_and_the_status_returned(tmp_path: Path) -> None:
    lines: list[str] = []
    assert (
        await run(tmp_path, lines.append, "/bin/sh", "-c", "echo one; echo two >&2; pwd; exit 3")
        == 3
    )
    assert lines == ["one", "two", str(tmp_path)]


async def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    lines: list[str] = []
    assert await run(tmp_path, lines.append, "/no/such/python") == 1
    assert lines == ["/no/such/python: No such file or directory"]


async def test_what_is_cancelled_ends_with_all_that_it_started(tmp_path: Path) -> None:
    pid: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def hear(line: str) -> None:
        pid.set_result(int(line))

    running = asyncio.create_task(run(tmp_path, hear, sys.executable, "-c", WITH_A_CHILD))
    grandchild = psutil.Process(await asyncio.wait_for(pid, 20))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert gone(grandchild)


def test_a_killed_supervisor_takes_its_command_with_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISE], stdout=subprocess.PIPE, text=True
    ) as supervisor:
        assert supervisor.stdout is not None
        command = psutil.Process(int(supervisor.stdout.readline()))
        supervisor.kill()
    assert gone(command)
