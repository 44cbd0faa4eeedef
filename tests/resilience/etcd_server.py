"""A real etcd in a folder, which can be stopped and started again."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_S = 60.0


class EtcdServer:
    """etcd on ports of its own, with its data in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        client, peer = free_port(), free_port()
        self.address = f"127.0.0.1:{client}"
        self._peer = f"127.0.0.1:{peer}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it can be written to."""
        with (self._folder / "etcd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "etcd",
                    *("--data-dir", str(self._folder / "data")),
                    *("--listen-client-urls", f"http://{self.address}"),
                    *("--advertise-client-urls", f"http://{self.address}"),
                    *("--listen-peer-urls", f"http://{self._peer}"),
                ],
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + START_S
        while not self._answers():
            assert time.monotonic() < end, (self._folder / "etcd.log").read_text()
            assert self._process.poll() is None, (self._folder / "etcd.log").read_text()

    def kill(self) -> None:
        """End it at once; its data stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/health", timeout=1.0) as answer:
                return bool(json.load(answer)["health"] == "true")
        except OSError:
            time.sleep(0.05)
            return False


def why_not() -> str:
    """Why there is no etcd here; empty if there is."""
    return "" if shutil.which("etcd") else "needs etcd, listed in .ci/apt-packages.txt"


@contextmanager
def etcd_server(folder: Path) -> Iterator[EtcdServer]:
    server = EtcdServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
