"""Runs the blocks of a page one after another, as a reader would, in a folder of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import msgspec

from thinkimg_rpc.serve.config import MeshConfig, parse_config

from .blocks import ROOT, Block

BIN = Path(sys.executable).parent
LIMIT_S = 60.0
"""A block that takes longer is broken."""
SERVING = re.compile(r"mesh serving at|joined the mesh at")
_PORT = re.compile(r"(127\.0\.0\.1:|0\.0\.0\.0:|xds_port = )(500\d\d)")
_DEFAULT_PORT = "50051"

SHOWN_ONLY = ("console", "text", "proto")


class PageRun:
    """One page's folder, processes and ports. Leave it to end what it started.

    Pages name ports that may be taken here: 50051 stands for the mesh at
    `address`, any other port from 50000 to 50099 for a free one.
    """

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self._ports = {_DEFAULT_PORT: address.rpartition(":")[2]}
        self._environment = {
            **{name: text for name, text in os.environ.items() if "THINKIMG" not in name},
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "THINKIMG_ADDRESS": address,
            "XDG_STATE_HOME": str(folder / "state"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._background: list[Background] = []
        shutil.copy(ROOT / "docs" / "pictures" / "chart.png", folder)
        # README and the pages on manifests speak from the root of a checkout.
        for name in ("docs", "deploy"):
            (folder / name).symlink_to(ROOT / name)
        (folder / ".venv").symlink_to(sys.prefix)

    def __enter__(self) -> PageRun:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        endings = [process.interrupt() for process in reversed(self._background)]
        if error is None:
            assert not any(endings), f"Ctrl-C ended background blocks with {endings}"

    def run(self, block: Block) -> None:
        """Do with a block what its language asks for. Raises: AssertionError."""
        text = self._with_our_ports(block.text)
        if block.title:
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        if block.language == "toml":
            self._load(block)
        elif block.language == "json":
            json.loads(text)
        elif block.in_background:
            self._background.append(Background(block, text, self.folder, self._environment))
        elif block.language == "sh":
            self._run(block, "bash", "-euo", "pipefail", "-c", text)
        elif block.language == "python" and not block.title:
            script = self.folder / f"line_{block.line}.py"
            script.write_text(text)
            self._run(block, str(BIN / "python"), str(script))
        else:
            assert block.title or block.language in SHOWN_ONLY, f"{block}: what is it?"

    def _run(self, block: Block, *command: str) -> None:
        finished = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
        )
        assert finished.returncode == 0, (
            f"{block} ended with {finished.returncode}:\n{finished.stdout}"
        )

    def _load(self, block: Block) -> None:
        document = tomllib.loads(block.text)
        if document.keys() & set(msgspec.structs.asdict(MeshConfig())):
            parse_config(document)

    def _with_our_ports(self, text: str) -> str:
        def ours(found: re.Match[str]) -> str:
            before, port = found.groups()
            if port not in self._ports:
                self._ports[port] = _free_port()
            return before + self._ports[port]

        return _PORT.sub(ours, text)


class Background:
    """A block of one command, which serves until the end of its page."""

    def __init__(self, block: Block, text: str, folder: Path, environment: dict[str, str]) -> None:
        self._output: list[str] = []
        self._serves = False
        self._decided = threading.Event()
        self._process = subprocess.Popen(
            ["bash", "-euc", f"exec {text}"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reading = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._reading.start()
        self._decided.wait(LIMIT_S)
        if not self._serves:
            self.interrupt()
            raise AssertionError(f"{block} does not serve:\n{''.join(self._output)}")

    def interrupt(self) -> int:
        """Press Ctrl-C; the exit status."""
        self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(20)
        finally:
            self._process.kill()
            self._reading.join()

    def _read(self, output: IO[Any]) -> None:
        for line in output:
            self._output.append(line)
            if SERVING.search(line):
                self._serves = True
                self._decided.set()
        self._decided.set()  # it has ended: nothing more is to be waited for


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
