"""`thinkimg check` against running meshes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from thinkimg_rpc import SyncMesh

from ..running_mesh import RunningServe, thinkimg_process

MESH = """
[mesh]
address = "127.0.0.1:0"

[[worker]]
name = "image"
tools = ["thinkimg_workers.crop:Crop", "my_tools:BrokenLine"]
replicas = 2

[[worker]]
name = "absent"
tools = ["my_tools:Absent"]
"""
TOOLS = """
from thinkimg_workers.crop import Crop
from thinkimg_workers.draw_vertical_line_by_x import DrawVerticalLineByX


class BrokenLine(DrawVerticalLineByX):
    def run(self, request, call):
        if call.worker_id == "image-1":
            request.x += 1
        return super().run(request, call)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A mesh in which one tool of one replica is wrong, and one worker does not start."""
    folder = tmp_path_factory.mktemp("checked")
    (folder / "my_tools.py").write_text(TOOLS)
    (folder / "mesh.toml").write_text(MESH)
    with RunningServe([], folder) as serve:
        yield serve.wait_served(), folder / "mesh.toml"


def test_each_tool_of_each_replica_has_a_row_and_a_wrong_answer_fails(
    served: tuple[str, Path],
) -> None:
    checked = thinkimg_process("check", "--address", served[0])
    header, *rows, summary = checked.stdout.splitlines()
    assert header.split() == ["tool", "worker", "backend", "ms", "verdict"]
    verdicts = {tuple(row.split()[:2]): " ".join(row.split()[5:]) for row in rows}
    assert verdicts == {
        ("Crop", "image-0"): "ok",
        ("Crop", "image-1"): "ok",
        ("DrawVerticalLineByX", "image-0"): "ok",
        ("DrawVerticalLineByX", "image-1"): (
            "wrong 640 pixels are not as they are with column 170 in blue"
        ),
    }
    assert summary == "4 tools asked, 1 thing wrong"
    assert checked.returncode == 1


def test_a_worker_of_the_mesh_toml_that_is_not_there_is_told(served: tuple[str, Path]) -> None:
    address, config = served
    checked = thinkimg_process("check", "--address", address, "--config", str(config))
    first = checked.stdout.splitlines()[1]
    assert first.split() == [
        "absent-0",
        "failed",
        *["is", "not", "in", "the", "mesh;", "its", "log", "says", "why"],
    ]
    assert checked.returncode == 1


def test_tools_whose_contract_has_no_example_are_not_checked_and_no_failure(mesh: str) -> None:
    checked = thinkimg_process("check", "--address", mesh)
    verdicts = {row.split()[0]: row for row in checked.stdout.splitlines()[1:-1]}
    assert " ok" in verdicts["Echo"]
    assert "not checked" in verdicts["Read"]
    assert checked.returncode == 0


def test_a_worker_that_hangs_is_a_failure_within_the_time_given(
    served: tuple[str, Path],
) -> None:
    address, config = served
    with SyncMesh(address) as mesh:
        pid = next(worker.pid for worker in mesh.workers() if worker.id == "image-0")
    psutil.Process(pid).suspend()
    try:
        checked = thinkimg_process(
            "check", "--address", address, "--config", str(config), "--timeout", "0.5"
        )
    finally:
        psutil.Process(pid).resume()
    # The registry may have dropped it by then.
    told = re.compile("image-0 .*failed +(no answer within 0.5 s|is not in the mesh|no worker)")
    assert any(told.search(row) for row in checked.stdout.splitlines()), checked.stdout
    assert checked.returncode == 1


def test_no_mesh_is_one_line_and_a_failure() -> None:
    checked = thinkimg_process("check", "--address", "127.0.0.1:1")
    assert checked.returncode == 1
    assert checked.stdout == ""
    assert checked.stderr.startswith("thinkimg check: no mesh answers at 127.0.0.1:1;")
    assert checked.stderr.count("\n") == 1
