"""One supervised process: started, waited for, restarted when it dies, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import IO, TYPE_CHECKING

from thinkimg_rpc.process import PARENT_PID_VARIABLE
from thinkimg_rpc.serve.log_file import LogFile
from thinkimg_rpc.settings import EXIT_CANNOT_START, READY_FD_VARIABLE, CannotStart
from thinkimg_rpc.v1 import Worker

if TYPE_CHECKING:
    from thinkimg_rpc.serve.slurm.resources import SlurmSection

Prepare = Callable[[Callable[[str], None]], Awaitable[str]]


@dataclass(frozen=True)
class ChildSpec:
    """What to run, under which name, and where its log goes."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    """The whole environment, except what `Child` adds for readiness."""
    log: Path
    labels: tuple[str, ...] = ()
    """What it hosts, for people: tool classes."""
    prepare: Prepare | None = None
    """Makes what runs the command, where it may not be there yet: an interpreter, in
    place of the command's first word. It is called before each start with what takes
    words on how it gets on. Raises: CannotStart."""
    slurm: SlurmSection | None = None
    """What it asks of SLURM, as whose job it runs; None: a process of this machine."""
    mesh: str = ""
    """The registry's HOST:PORT, for people who look at SLURM's queue."""


class ChildState(Enum):
    """Where a child is in its life; the value is what people read."""

    BUILDING = "building"
    """What it runs in is being built, which takes long."""
    PENDING = "pending"
    """A cluster has not given it a place yet."""
    STARTING = "starting"
    SERVING = "serving"
    RESTARTING = "restarting"
    FAILED = "failed"
    """It cannot start and restarting cannot mend that."""
    STOPPED = "stopped"


@dataclass
class Backoff:
    """How long to wait before a restart: doubled each time, forgotten after health."""

    first_s: float = 0.2
    longest_s: float = 10.0
    healthy_after_s: float = 30.0
    _next_s: float = field(default=0.0, init=False)

    def after(self, lived_s: float) -> float:
        """Seconds to wait, now that a process has died after `lived_s`."""
        if lived_s >= self.healthy_after_s or self._next_s == 0.0:
            self._next_s = self.first_s
        wait_s = self._next_s
        self._next_s = min(self.longest_s, 2 * wait_s)
        return wait_s


def killed_by(number: int) -> str:
    """Which signal ended a process, and what that may mean."""
    hint = ", as the kernel does when memory runs out" if number == signal.SIGKILL else ""
    return f"killed by {signal.Signals(number).name}{hint}"


class Child:
    """Runs a process again and again until told to stop.

    `run()` returns once the process is gone for good. `on_change` is called
    after each change of `state`.
    """

    def __init__(
        self,
        spec: ChildSpec,
        on_change: Callable[[Child], None],
        backoff: Backoff | None = None,
    ) -> None:
        self.spec = spec
        self.state = ChildState.STARTING
        self.reason = ""
        """Why it is not serving: one line."""
        self.address = ""
        """Where it serves: "127.0.0.1:40123"."""
        self.pid: int | None = None
        self.starts = 0
        self._on_change = on_change
        self._backoff = backoff or Backoff()
        self._log = LogFile(spec.log)
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self._replaced_because = ""
        self._began = 0.0
        """Since when it has lived, on `time.monotonic()`'s clock."""

    async def run(self) -> None:
        """Keep the process running until `terminate` or `kill`, or until it is FAILED."""
        self._log.rotate()
        try:
            while not self._stopping.is_set():
                command = await self._prepared_command()
                if self._stopping.is_set():
                    break
                self._began = time.monotonic()
                self._change(ChildState.STARTING, self.reason)
                status = await self._live(command)
                if self._stopping.is_set():
                    break
                if status == EXIT_CANNOT_START:
                    self._change(ChildState.FAILED, self._why_it_cannot_start())
                    return
                wait_s = self._backoff.after(time.monotonic() - self._began)
                self._change(ChildState.RESTARTING, self._why_it_died(status))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), wait_s)
            self._change(ChildState.STOPPED, self._left_behind())
        except CannotStart as error:
            self._change(ChildState.FAILED, str(error))
        finally:
            self.kill()

    @property
    def settled(self) -> bool:
        """Whether its first start has come to something: it serves, or has failed."""
        return self.state not in (ChildState.PENDING, ChildState.STARTING) or self.starts > 1

    async def wait_until(self, holds: Callable[[Child], bool]) -> None:
        """Wait for a state in which `holds(self)`."""
        while not holds(self):
            await self._changed.wait()

    def terminate(self) -> None:
        """Ask the process to finish what it has and end; it is not started again."""
        self._stopping.set()
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
                # A stopped process would hear of it only when somebody wakes it.
                os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End the process, and all that it started, at once and for good."""
        self._stopping.set()
        self._kill_group()

    def replace(self, because: str) -> None:
        """End the process at once and start another."""
        self._replaced_because = because
        self._kill_group()

    def lease_began(self, worker: Worker) -> None:
        """The registry lists it. A process of this machine has said so itself."""

    def lease_ended(self) -> None:
        """The registry lists it no more. A process of this machine we see end ourselves."""

    async def _prepared_command(self) -> tuple[str, ...]:
        """The command, once what runs it is there, or we are to stop. Raises: CannotStart."""
        if self.spec.prepare is None:
            return self.spec.command

        def say(words: str) -> None:
            self._change(ChildState.BUILDING, words)

        preparing = asyncio.ensure_future(self.spec.prepare(say))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({preparing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            first = preparing.result() if preparing.done() else self.spec.command[0]
            return (first, *self.spec.command[1:])
        finally:
            preparing.cancel()
            stopping.cancel()
            await asyncio.gather(preparing, stopping, return_exceptions=True)

    async def _live(self, command: tuple[str, ...]) -> int:
        """Start the process and wait for its end; its exit status (negative: a signal)."""
        self._replaced_because = ""
        self.starts += 1
        read_fd, write_fd = os.pipe()
        with os.fdopen(read_fd, "rb", buffering=0) as ready:
            try:
                process = await self._spawn(command, write_fd)
            except OSError as error:
                self._replaced_because = f"cannot be started: {error}"
                return 1
            finally:
                os.close(write_fd)
            self.pid = process.pid
            if self._stopping.is_set():
                self._kill_group()
            readiness = asyncio.create_task(self._await_readiness(ready))
            try:
                return await process.wait()
            finally:
                readiness.cancel()
                await asyncio.gather(readiness, return_exceptions=True)
                # Whatever the process started must not outlive it.
                self._kill_group()
                self.pid = None
                self.address = ""

    async def _spawn(self, command: tuple[str, ...], ready_fd: int) -> asyncio.subprocess.Process:
        added = {READY_FD_VARIABLE: str(ready_fd), PARENT_PID_VARIABLE: str(os.getpid())}
        with self._log.open() as log:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**self.spec.environment, **added},
                pass_fds=(ready_fd,),
                # A session of its own: a terminal's Ctrl-C reaches the
                # supervisor alone, and one signal reaches the whole group.
                start_new_session=True,
            )

    async def _await_readiness(self, ready: IO[bytes]) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), ready
        )
        try:
            line = await reader.readline()
        finally:
            transport.close()
        if line:
            self.address = json.loads(line)["address"]
            self._change(ChildState.SERVING, "")

    def _kill_group(self) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def _left_behind(self) -> str:
        """What could not be ended; nothing of this machine."""
        return ""

    def _why_it_cannot_start(self) -> str:
        return self._log.why_it_cannot_start()

    def _why_it_died(self, status: int) -> str:
        if self._replaced_because:
            return self._replaced_because
        if status < 0:
            return killed_by(-status)
        last_words = self._log.last_words()
        return f"exited with status {status}" + (f": {last_words}" if last_words else "")

    def _change(self, state: ChildState, reason: str) -> None:
        self.state = state
        self.reason = reason
        self._changed.set()
        self._changed = asyncio.Event()
        self._on_change(self)
