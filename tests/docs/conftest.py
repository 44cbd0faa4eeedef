"""The mesh that the pages speak of: the shipped one, on a free port."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

SERVE = (sys.executable, "-m", "thinkimg_rpc.cli", "serve")


@pytest.fixture(scope="session")
def served_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HOST:PORT of a mesh that `thinkimg serve` serves as it is shipped."""
    folder = tmp_path_factory.mktemp("served")
    process = subprocess.Popen(
        [*SERVE, "--address", "127.0.0.1:0"],
        cwd=folder,
        env=os.environ | {"XDG_STATE_HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line)
            if found := re.match(r"mesh serving at ([^\s,]+)", line):
                break
        else:
            raise AssertionError(f"thinkimg serve ended:\n{''.join(said)}")
        yield found[1]
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
