"""A worker that cannot start is named with the reason, wherever it was to run."""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path

import psutil
import pytest

from thinkimg_rpc.client import SyncMesh
from thinkimg_rpc.testing.v1 import EchoRequest

from ..thinkimg_rpc.running_mesh import RunningServe, eventually, thinkimg
from .slurm_cluster import queued_jobs

PATIENCE_S = 90.0
"""On a quiet machine it takes less than 10 s."""
MESH = """
[mesh]
address = "127.0.0.1:0"
log_dir = "logs"

[[worker]]
name = "echo"
tools = ["thinkimg_rpc.testing.echo:Echo"]

[[worker]]
name = "package"
tools = ["not_installed.tools:Tool"]

[[worker]]
name = "weights"
tools = ["thinkimg_workers.grounding_dino:GroundingDINO"]
backend = "transformers"
weights = "/no/such/weights"

[[worker]]
name = "memory"
tools = ["faulty:Greedy"]

[[worker]]
name = "port"
tools = ["thinkimg_rpc.testing.echo:Echo"]
port = {taken}
"""
REASONS = {
    "package-0": r"failed .*no module named not_installed; is it installed",
    "weights-0": r"failed .*/no/such/weights",
    "memory-0": r"restarting .*MemoryError|starting .*MemoryError",
    "port-0": r"failed .*the port is taken",
}


@pytest.mark.parametrize("launcher", ["local", "slurm"])
def test_it_is_named_with_the_reason_while_the_others_serve_and_nothing_is_left(
    slurm: Path, tmp_path: Path, launcher: str
) -> None:
    shutil.copy(Path(__file__).with_name("faulty.py"), tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        (tmp_path / "mesh.toml").write_text(MESH.format(taken=taken.getsockname()[1]))
        with RunningServe(["--launcher", launcher], tmp_path) as serve:
            address = serve.wait_served(PATIENCE_S)
            for worker, reason in REASONS.items():
                wait_status(address, rf"{worker} +({reason})")
            with SyncMesh(address) as mesh:
                assert mesh.send(EchoRequest(text="still here")).text == "still here"
            children = serve.children()
            serve.interrupt()
            assert serve.wait_ended(PATIENCE_S) == 0
        assert psutil.wait_procs(children, timeout=PATIENCE_S)[1] == []
    assert queued_jobs() == []


def wait_status(address: str, pattern: str) -> None:
    def look() -> bool:
        return bool(re.search(pattern, thinkimg("status", "--address", address).stdout))

    eventually(look, PATIENCE_S, pattern)
