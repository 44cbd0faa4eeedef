"""What the tests of images and manifests share."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "containers" / "install.sh"


@pytest.fixture(scope="session")
def cpu_environment() -> Path:
    """The virtual environment of the CPU image, made by the image's own step.

    It takes half a minute, so it is kept until what it is made of changes. Its copy of
    our code is put behind the checkout's by `image_variables`.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    parts = (project["dependencies"], *(extras[name] for name in ("worker", "serve", "xds")))
    # Its scripts know where they are, so a checkout that was moved makes another.
    made_of = f"{INSTALL.read_text()}{parts}{ROOT}".encode()
    folder = ROOT / "build" / "container" / hashlib.sha256(made_of).hexdigest()[:12]
    folder.parent.mkdir(parents=True, exist_ok=True)
    done = folder / "done"
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            for old in folder.parent.glob("*/"):
                shutil.rmtree(old)
            result = subprocess.run(
                [INSTALL, "cpu", folder / "venv"],
                cwd=ROOT,
                env=os.environ | {"PYTHON": sys.executable},
                capture_output=True,
                text=True,
            )
            assert result.returncode == 0, result.stderr
            done.touch()
    return folder / "venv"


@pytest.fixture(scope="session")
def image_variables(cpu_environment: Path) -> dict[str, str]:
    """The environment variables of a process in the image, with today's code."""
    ours = {name: text for name, text in os.environ.items() if "THINKIMG" not in name}
    code = (ROOT, *(ROOT / name for name in ("workers", "agent", "eval", "train")))
    return ours | {
        "PATH": f"{cpu_environment / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(map(str, code)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
