"""What a person meets first: `make`, and Ctrl-C after `make serve`."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# These tests may themselves be run by make, which hands its own settings on.
BY_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "ARGS", "VENV", "PYTHON")
CLEAN = {name: value for name, value in os.environ.items() if name not in BY_MAKE}

# Makes the terminal the controlling one, as a login does. In a program of its own
# because a `preexec_fn` would fork this process with other tests' threads in it.
AT_THE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""

STAND_IN = f"""#!{sys.executable}
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
print("serving", *sys.argv[1:], flush=True)
print("drained after", signal.sigwait([signal.SIGINT, signal.SIGTERM]).name, flush=True)
"""


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment that looks installed, whose `thinkimg` only waits for a signal."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python").symlink_to(sys.executable)
    (programs / "thinkimg").write_text(STAND_IN)
    (programs / "thinkimg").chmod(0o755)
    (tmp_path / ".serve").touch()
    return tmp_path


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a pseudo-terminal: what a person holds, and what a program is given."""
    person, program = pty.openpty()
    yield person, program
    os.close(person)
    os.close(program)


def test_make_alone_lists_what_there_is() -> None:
    result = subprocess.run(
        ["make"], cwd=ROOT, env=CLEAN, capture_output=True, text=True, timeout=10
    )
    for target in ("serve", "test", "test-vllm", "bench", "bench-tools", "protos", "lint", "clean"):
        assert f"make {target} " in result.stdout


def test_ctrl_c_drains_the_mesh_and_make_succeeds(
    environment: Path, terminal: tuple[int, int]
) -> None:
    person, program = terminal
    command = ["make", "serve", f"VENV={environment}", "ARGS=--config my.toml"]
    make = subprocess.Popen(
        [sys.executable, "-c", AT_THE_TERMINAL, *command],
        cwd=ROOT,
        env=CLEAN,
        stdin=program,
        stdout=program,
        stderr=program,
        start_new_session=True,
    )
    assert "serving serve --config my.toml" in _read_until(person, "my.toml")
    os.write(person, b"\x03")
    assert "drained after SIGINT" in _read_until(person, "SIGINT")
    assert make.wait(5) == 0


def test_without_a_terminal_a_signal_to_make_drains_the_mesh(environment: Path) -> None:
    make = subprocess.Popen(
        ["make", "serve", f"VENV={environment}"],
        cwd=ROOT,
        env=CLEAN,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert make.stdout is not None
    assert make.stdout.readline() == "serving serve\n"
    make.terminate()
    assert make.stdout.readline() == "drained after SIGTERM\n"
    make.communicate(timeout=5)


def _read_until(terminal: int, text: str) -> str:
    seen = ""
    while text not in seen:
        seen += os.read(terminal, 1024).decode()
    return seen
