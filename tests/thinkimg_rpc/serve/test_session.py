from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

FAKE_MESH = Path(__file__).with_name("fake_mesh.py")
Start = Callable[..., tuple["subprocess.Popen[str]", list[psutil.Process]]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a supervisor process; gives it and its children, all of which serve."""
    started: list[subprocess.Popen[str]] = []

    def start_mesh(*behaviours: str) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
        mesh = subprocess.Popen(
            [sys.executable, str(FAKE_MESH), str(tmp_path), *behaviours],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(mesh)
        assert mesh.stdout is not None
        pids = json.loads(mesh.stdout.readline())
        return mesh, [psutil.Process(pid) for pid in pids]

    yield start_mesh
    for mesh in started:
        mesh.kill()
        mesh.communicate()


def gone(processes: list[psutil.Process], timeout_s: float = 5.0) -> bool:
    """Whether all end in time; a zombie that init has not yet reaped has ended."""
    _, alive = psutil.wait_procs(processes, timeout=timeout_s)
    return all(process.status() == psutil.STATUS_ZOMBIE for process in alive)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_drains_and_ends_with_status_0(start: Start, number: signal.Signals) -> None:
    mesh, children = start("serve", "serve")
    began = time.monotonic()
    mesh.send_signal(number)
    _, errors = mesh.communicate(timeout=10)
    assert mesh.returncode == 0
    assert time.monotonic() - began < 5.0
    assert "stopping" in errors
    assert "Traceback" not in errors
    assert gone(children, timeout_s=0)


def test_a_second_interrupt_kills_at_once(start: Start) -> None:
    mesh, children = start("serve_stubbornly")
    mesh.send_signal(signal.SIGINT)
    assert mesh.stderr is not None
    assert "stopping" in mesh.stderr.readline()
    mesh.send_signal(signal.SIGINT)
    began = time.monotonic()
    mesh.communicate(timeout=10)
    assert time.monotonic() - began < 1.0
    assert mesh.returncode == 130
    assert gone(children, timeout_s=0)


def test_killing_the_supervisor_ends_its_children(start: Start) -> None:
    mesh, children = start("serve", "serve_stubbornly")
    os.kill(mesh.pid, signal.SIGKILL)
    assert gone(children)


def test_killing_the_supervisor_ends_a_stopped_child_too(start: Start) -> None:
    mesh, children = start("serve")
    children[0].suspend()
    os.kill(mesh.pid, signal.SIGKILL)
    assert gone(children)


def test_a_terminals_interrupt_does_not_reach_the_children(start: Start) -> None:
    mesh, children = start("serve")
    assert os.getsid(children[0].pid) != os.getsid(mesh.pid)
    assert os.getpgid(children[0].pid) != os.getpgid(mesh.pid)
