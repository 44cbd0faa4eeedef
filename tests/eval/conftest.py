"""A mesh that runs are made against, and tiny tasks and policies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..thinkimg_rpc.running_mesh import RunningServe

MESH = """
[mesh]
address = "127.0.0.1:0"
[[worker]]
name = "image"
tools = ["thinkimg_workers.crop:Crop"]
"""


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


LOOK_AND_ANSWER = """I look closer.
<tool_call>
{"name": "Crop", "arguments": {"box": {"x0": 0, "y0": 0, "x1": 4, "y1": 3}}}
</tool_call>
---
<answer>1</answer>
"""
