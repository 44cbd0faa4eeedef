"""A mesh runs on both protobuf majors the project allows.

The tests' own environment has the newest one. The oldest gets an environment
under build/, made once, from the project's own requirements: so that they can be
met with that protobuf is shown as well.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import google.protobuf
import pytest

ROOT = Path(__file__).parents[2]
ROUND_TRIP = Path(__file__).with_name("round_trip.py")
OLDEST = "6.31.1"

# The first run installs what it needs.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def oldest_python() -> Path:
    """The interpreter of an environment with the oldest protobuf."""
    environment = ROOT / "build" / f"protobuf-{OLDEST}"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *project["optional-dependencies"]["worker"],
        f"protobuf=={OLDEST}",
    ]
    stamp = environment / "requirements.txt"
    environment.parent.mkdir(exist_ok=True)
    with environment.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text().split("\n") != wanted:
            venv.create(environment, clear=True, with_pip=True)
            pip = [str(environment / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
            subprocess.run([*pip, "install", "--quiet", *wanted], check=True, timeout=240)
            stamp.write_text("\n".join(wanted))
    return environment / "bin" / "python"


def _version_after_round_trip(python: str | Path) -> str:
    result = subprocess.run(
        [python, "-W", "error", ROUND_TRIP],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_a_mesh_runs_on_the_newest_protobuf() -> None:
    assert _version_after_round_trip(sys.executable) == google.protobuf.__version__
    assert google.protobuf.__version__.startswith("7.")


def test_a_mesh_runs_on_the_oldest_protobuf(oldest_python: Path) -> None:
    assert _version_after_round_trip(oldest_python) == OLDEST
