"""`thinkimg serve` as a user runs it, in processes of its own."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

CONSOLE_SCRIPT = Path(sys.executable).with_name("thinkimg")
STARTUP_S = 60.0
EXIT_S = 20.0

MESH_TOML = """
[mesh]
address = "127.0.0.1:0"
log_dir = "logs"

[[worker]]
name = "echo"
tools = ["thinkimg_rpc.testing.echo:Echo"]
replicas = 2
concurrency = 8
"""
REPLICAS = ("echo-0", "echo-1")


@dataclass(frozen=True)
class ServedMesh:
    """A mesh that serves."""

    address: str
    """The front door's HOST:PORT."""
    pid: int
    """Of the supervisor."""

    def hub_pid(self) -> int:
        """Of the process that is registry and front door right now."""
        children = psutil.Process(self.pid).children()
        (hub,) = [child for child in children if "thinkimg_rpc.hub" in child.cmdline()]
        return hub.pid


@asynccontextmanager
async def served_mesh(folder: Path) -> AsyncIterator[ServedMesh]:
    """Two replicas of Echo under the real supervisor."""
    config = folder / "mesh.toml"
    config.write_text(MESH_TOML)
    output = folder / "serve.txt"
    with output.open("w") as file:
        process = await asyncio.create_subprocess_exec(
            str(CONSOLE_SCRIPT), "serve", "--config", str(config), stdout=file, stderr=file
        )
    try:
        yield ServedMesh(await _address(process, output), process.pid)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(EXIT_S):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _address(process: asyncio.subprocess.Process, output: Path) -> str:
    """What the supervisor printed once the mesh served."""
    async with asyncio.timeout(STARTUP_S):
        while process.returncode is None:
            if address := _announced(output):
                return address
            await asyncio.sleep(0.02)
    raise AssertionError("thinkimg serve ended before it served")


def _announced(output: Path) -> str | None:
    found = re.search(r"mesh serving at (\S+),", output.read_text())
    return found[1] if found else None
