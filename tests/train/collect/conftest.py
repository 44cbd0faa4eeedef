"""A mesh that collections are made against, and the script of a teacher."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ...eval.conftest import LOOK_AND_ANSWER, MESH
from ...thinkimg_rpc.running_mesh import RunningServe


@pytest.fixture(scope="session")
def crop_mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HOST:PORT of a mesh, in processes of its own, that has Crop."""
    folder = tmp_path_factory.mktemp("mesh")
    (folder / "mesh.toml").write_text(MESH)
    with RunningServe([], folder) as serve:
        yield serve.wait_served()


@pytest.fixture(scope="session")
def look_and_answer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script of a policy that crops, and then always answers 1."""
    path = tmp_path_factory.mktemp("script") / "turns.txt"
    path.write_text(LOOK_AND_ANSWER)
    return path
