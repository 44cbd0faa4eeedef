"""A mesh with the tool of the games, and the model that plays them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ...thinkimg_rpc.running_mesh import RunningServe
from .tiny_player import save_player

MESH = """
[mesh]
address = "127.0.0.1:0"
[[worker]]
name = "echo"
tools = ["thinkimg_rpc.testing:Echo"]
"""


@pytest.fixture(scope="session")
def echo_mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HOST:PORT of a mesh, in processes of its own, that has Echo."""
    folder = tmp_path_factory.mktemp("mesh")
    (folder / "mesh.toml").write_text(MESH)
    with RunningServe([], folder) as serve:
        yield serve.wait_served()


@pytest.fixture(scope="session")
def player(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that calls the tool about every second time."""
    return save_player(tmp_path_factory.mktemp("player"))
