"""A child process for the supervisor's tests: speaks the ready protocol, then behaves as told."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from thinkimg_rpc.logs import configure
from thinkimg_rpc.process import announce_serving, die_with_parent, refuse_to_start

ADDRESS = "127.0.0.1:4711"


def serve() -> None:
    """Serves until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    announce_serving(ADDRESS)
    _sleep()


def serve_stubbornly() -> None:
    """Serves, and does not hear SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    announce_serving(ADDRESS)
    _sleep()


def serve_with_a_child(pid_file: str) -> None:
    """Serves with a process of its own, whose pid it writes down, and leaves it behind."""
    own = subprocess.Popen(["sleep", "600"])
    Path(pid_file).write_text(str(own.pid))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    announce_serving(ADDRESS)
    _sleep()


def load_for_ever() -> None:
    """Never gets to serve."""
    _sleep()


def crash() -> None:
    """Dies of a bug before it serves."""
    raise RuntimeError("the weights are corrupt")


def misconfigured() -> None:
    """Cannot start, and knows why."""
    configure("fake")
    refuse_to_start("the package rapidocr is missing; pip install 'thinkimg-rpc[serve]'")


def note_the_end(order_file: str, name: str) -> None:
    """Serves until SIGTERM, then adds its name to a file."""

    def end(*_: object) -> None:
        with Path(order_file).open("a") as file:
            file.write(name + "\n")
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    announce_serving(ADDRESS)
    _sleep()


def _sleep() -> None:
    while True:
        time.sleep(600)


if __name__ == "__main__":
    die_with_parent()
    globals()[sys.argv[1]](*sys.argv[2:])
