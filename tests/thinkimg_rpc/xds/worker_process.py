"""Workers of Echo as processes of their own, which come, drain and crash."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import msgspec

from thinkimg_rpc.settings import SETTINGS_VARIABLE, WorkerSettings

COMMAND = (sys.executable, "-m", "thinkimg_rpc.server")
WAIT_S = 60.0


class WorkerProcess:
    """One worker, as the supervisor starts it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, worker_id: str, registry: str, log: Path) -> WorkerProcess:
        settings = WorkerSettings(
            id=worker_id,
            tools=("thinkimg_rpc.testing.echo:Echo",),
            registry=registry,
            concurrency=8,
        )
        environment = {SETTINGS_VARIABLE: msgspec.json.encode(settings).decode()}
        with log.open("wb") as output:
            return cls(
                await asyncio.create_subprocess_exec(
                    *COMMAND, env=os.environ | environment, stdout=output, stderr=output
                )
            )

    async def drain(self) -> None:
        """Ask it to stop, as the supervisor does, and wait until it has."""
        self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(WAIT_S):
            assert await self._process.wait() == 0

    async def crash(self) -> None:
        """End it without warning, if it still runs."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
