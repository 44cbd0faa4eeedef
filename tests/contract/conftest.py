"""The contract as protoc describes it, and `buf` to judge it by."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

Buf = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def descriptor_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A FileDescriptorSet of protos/, with imports and comments."""
    path = tmp_path_factory.mktemp("contract") / "today.binpb"
    script = ROOT / "scripts" / "make_protos.py"
    subprocess.run([sys.executable, script, "--descriptors", path], check=True, timeout=240)
    return path


@pytest.fixture(scope="session")
def buf() -> Buf:
    """`buf(...)` with the repository's configuration; the caller looks at the return code."""
    program = Path(sysconfig.get_path("scripts")) / "buf"

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [program, *arguments, "--config", ROOT / "protos" / "buf.yaml"]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    return run
