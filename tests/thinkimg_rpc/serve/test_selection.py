"""A mesh whose parts are started apart, from one mesh.toml."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from thinkimg_rpc.client import SyncMesh
from thinkimg_rpc.serve.config import parse_config
from thinkimg_rpc.serve.selection import select_parts
from thinkimg_rpc.settings import CannotStart
from thinkimg_rpc.testing.v1 import EchoRequest

from ..running_mesh import RunningServe, eventually

MESH = """
[mesh]
address = "127.0.0.1:{hub}"
log_dir = "logs"

[[worker]]
name = "echo"
tools = ["thinkimg_rpc.testing.echo:Echo"]
port = {port}

[[worker]]
name = "image"
tools = ["thinkimg_workers.crop:Crop"]
"""
LONG_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_one_part_waits_for_the_hub_and_the_whole_is_the_sum_of_its_parts(tmp_path: Path) -> None:
    hub, port = free_port(), free_port()
    (tmp_path / "mesh.toml").write_text(MESH.format(hub=hub, port=port))
    with RunningServe(["--only", "echo"], tmp_path) as echo:
        eventually(lambda: f"a mesh at 127.0.0.1:{hub}" in echo.output, LONG_S, "word of waiting")
        with RunningServe(["--only", "hub"], tmp_path) as front:
            assert front.wait_served(LONG_S) == f"127.0.0.1:{hub}"
            assert len(front.children()) == 1
            with (
                RunningServe(["--only", "image"], tmp_path) as image,
                SyncMesh(f"127.0.0.1:{hub}") as mesh,
            ):
                image.wait_served(LONG_S)
                echo.wait_served(LONG_S)
                workers = eventually(
                    lambda: found if len(found := mesh.workers()) == 2 else None, LONG_S, "workers"
                )
                tools = {worker.tools[0].name: worker.address for worker in workers}
                assert tools.keys() == {"Echo", "Crop"}
                assert tools["Echo"] == f"127.0.0.1:{port}"
                assert mesh.send(EchoRequest(text="hello")).text == "hello"


def test_a_hub_without_workers_goes_on_serving_and_ends_in_order(tmp_path: Path) -> None:
    (tmp_path / "mesh.toml").write_text(MESH.format(hub=0, port=0))
    with RunningServe(["--only", "hub"], tmp_path) as front:
        address = front.wait_served(LONG_S)
        assert f"mesh serving at {address}, 0 tools" in front.output
        with SyncMesh(address) as mesh:
            assert mesh.workers() == []
        front.interrupt()
        assert front.wait_ended(LONG_S) == 0


def test_a_part_that_is_not_there_is_told_with_what_is() -> None:
    config = parse_config({"worker": [{"name": "image", "tools": ["m:T"]}]})
    assert select_parts(config, ["hub"]).worker == ()
    assert select_parts(config, ["image"]).worker == config.worker
    with pytest.raises(CannotStart, match=r'no .* "imgae"; did you mean "image"'):
        select_parts(config, ["imgae"])
    with pytest.raises(CannotStart, match="there are: hub, image"):
        select_parts(config, ["text"])
