"""`thinkimg serve` as a process of its own, for tests of the whole."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar
from unittest import mock

import psutil

from thinkimg_rpc.cli import main

THINKIMG = (sys.executable, "-m", "thinkimg_rpc.cli")
_SERVED = re.compile(r"^(?:mesh serving at|joined the mesh at) ([^\s,]+)", re.MULTILINE)
T = TypeVar("T")


def eventually(look: Callable[[], T | None], timeout_s: float, what: str) -> T:
    """What `look` returns once that is true. Raises: AssertionError after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    paused = threading.Event()
    while not (found := look()):
        assert time.monotonic() < deadline, f"no {what} within {timeout_s:g} s"
        paused.wait(0.02)
    return found


class RunningServe:
    """A `thinkimg serve` and its children; leave it to kill what is left."""

    def __init__(self, arguments: Sequence[str], folder: Path, **environment: str) -> None:
        self.output_file = folder / f"serve-{time.monotonic_ns()}.out"
        with self.output_file.open("wb") as output:
            self.process = psutil.Popen(
                [*THINKIMG, "serve", *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=os.environ | {"XDG_STATE_HOME": str(folder / "state")} | environment,
            )

    def __enter__(self) -> RunningServe:
        return self

    def __exit__(self, *_: object) -> None:
        children = self.children()
        for process in [self.process, *children]:
            if process.is_running():
                process.kill()
        self.process.wait()

    @property
    def output(self) -> str:
        return self.output_file.read_text()

    def children(self) -> list[psutil.Process]:
        """All processes below it."""
        try:
            return list(self.process.children(recursive=True))
        except psutil.NoSuchProcess:
            return []

    def wait_served(self, timeout_s: float = 20.0) -> str:
        """The address, once it says that it serves or has joined."""

        def look() -> str | None:
            said = _SERVED.search(self.output)
            ended = self.process.poll() is not None
            assert said or not ended, f"thinkimg serve ended:\n{self.output}"
            return said[1] if said else None

        return eventually(look, timeout_s, "served mesh")

    def wait_ended(self, timeout_s: float = 10.0) -> int:
        """The exit status."""
        return int(self.process.wait(timeout_s))

    def interrupt(self) -> None:
        """What Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)


def thinkimg(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one `thinkimg` command to its end, in this process."""
    output, errors = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, environment),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        status = main(arguments)
    return subprocess.CompletedProcess(arguments, status, output.getvalue(), errors.getvalue())


def thinkimg_process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one `thinkimg` command to its end, as a process of its own."""
    return subprocess.run(
        [*THINKIMG, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
        check=False,
    )
