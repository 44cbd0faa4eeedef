"""Workers with environments of their own in a mesh that `thinkimg serve` runs."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from thinkimg_rpc.client import SyncMesh
from thinkimg_rpc.testing.v1 import EchoRequest
from thinkimg_rpc.v1 import Box, CropRequest

from ..running_mesh import RunningServe, eventually

ROOT = Path(__file__).parents[3]
ECHO = "thinkimg_rpc.testing.echo:Echo"
MESH = f"""
[mesh]
address = "127.0.0.1:0"
log_dir = "logs"
environment_dir = "environments"

[[worker]]
name = "echo"
tools = ["{ECHO}"]

[env.old]
requirements = ["no-such-package"]
inherit = true

[[worker]]
name = "old"
tools = ["{ECHO}"]
env = "old"
"""
# The first run installs numpy 1 and what a worker needs beside it.
PLAIN = f"""
[mesh]
address = "127.0.0.1:0"
log_dir = "logs"
environment_dir = "{ROOT / "build" / "environments"}"

[env.plain]
requirements = ["numpy<2"]

[[worker]]
name = "image"
tools = ["thinkimg_workers.crop:Crop"]
env = "plain"
"""


@pytest.fixture
def silent_index() -> Iterator[str]:
    """The URL of an index that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def serving(folder: Path, text: str, **variables: str) -> RunningServe:
    (folder / "mesh.toml").write_text(text)
    return RunningServe((), folder, **variables)


def test_the_others_serve_while_an_environment_is_built_and_ctrl_c_ends_that_too(
    tmp_path: Path, silent_index: str
) -> None:
    variables = {"PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": silent_index}
    with serving(tmp_path, MESH, **variables) as serve:
        with SyncMesh(serve.wait_served()) as mesh:
            assert mesh.send(EchoRequest(text="hello")).text == "hello"
        assert re.search(r'^  old-0 +building +environment "old"', serve.output, re.MULTILINE)
        eventually(
            lambda: "looking for packages, 5 s so far" in serve.output, 20, "word of its progress"
        )
        children = serve.children()
        assert any("pip" in child.cmdline() for child in children)
        serve.interrupt()
        assert serve.wait_ended() == 0
        assert not [child for child in children if child.is_running()]
    assert not list((tmp_path / "environments").glob("old-*/"))


def test_an_environment_that_cannot_be_built_fails_its_worker_alone(tmp_path: Path) -> None:
    with serving(tmp_path, MESH, PIP_NO_INDEX="1") as serve:
        address = serve.wait_served()
        reason = eventually(
            lambda: re.search(r"old-0 .*cannot be built: (.*)", serve.output), 20, "reason"
        )
        assert reason[1] == (
            "No matching distribution found for no-such-package "
            f"(log: {tmp_path / 'logs' / 'environment-old.log'})"
        )
        with SyncMesh(address) as mesh:
            assert mesh.send(EchoRequest(text="hello")).text == "hello"


def test_a_mesh_whose_only_worker_gets_no_environment_ends_with_the_reason(tmp_path: Path) -> None:
    alone = MESH.replace(MESH[MESH.index("[[worker]]") : MESH.index("[env")], "")
    with serving(tmp_path, alone, PIP_NO_INDEX="1") as serve:
        assert serve.wait_ended(30) == 2
        last = serve.output.splitlines()[-1]
        assert last.startswith("thinkimg serve: no worker can start: [env.old] cannot be built")


@pytest.mark.timeout(300)
def test_a_tool_runs_beside_packages_that_ours_would_not_choose(tmp_path: Path) -> None:
    chart = (ROOT / "docs" / "pictures" / "chart.png").read_bytes()
    with serving(tmp_path, PLAIN) as serve, SyncMesh(serve.wait_served()) as mesh:
        eventually(lambda: mesh.workers() or "cannot" in serve.output, 240, "worker")
        assert "cannot" not in serve.output
        box = Box(x0=10, y0=20, x1=40, y1=60)
        answer = mesh.send(CropRequest(image=mesh.image(chart), box=box))
        assert (answer.image.width, answer.image.height) == (30, 40)
        # The last that goes together with numpy 1.
        assert answer.answered_by.backend.startswith("opencv 4.11")
