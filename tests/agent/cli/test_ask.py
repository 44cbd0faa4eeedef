"""`thinkimg ask`, against a mesh that is served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from thinkimg_agent.trajectory_file import read_trajectories
from thinkimg_rpc.cli import main

from ...mesh_fixtures import png
from ...thinkimg_rpc.running_mesh import RunningServe

TURNS = """I look at the corner.
<tool_call>
{"name": "Crop", "arguments": {"box": {"x0": 0, "y0": 0, "x1": 500, "y1": 500}}}
</tool_call>
---
<answer>42</answer>
"""
MESH = """
[mesh]
address = "127.0.0.1:0"
[[worker]]
name = "image"
tools = ["thinkimg_workers.crop:Crop"]
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mesh")
    (folder / "mesh.toml").write_text(MESH)
    with RunningServe([], folder) as serve:
        yield serve.wait_served()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "chart.png").write_bytes(png())
    (tmp_path / "turns.txt").write_text(TURNS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ask(capsys: pytest.CaptureFixture[str], address: str, *more: str) -> tuple[int, str, str]:
    words = ["ask", "chart.png", "What is it?", "--address", address, *more]
    status = main(words)
    out, err = capsys.readouterr()
    return status, out, err


def test_a_question_is_answered_step_by_step(
    folder: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--policy", "scripted:turns.txt", "--coordinates", "0-1000", "--view"]
    status, out, _ = ask(capsys, address, *more)
    lines = out.splitlines()
    assert status == 0
    assert lines[:2] == ["What is it?", "I look at the corner."]
    assert lines[2].startswith("  Crop {")
    assert lines[3] == '    {"box": [0, 0, 500, 500], "image": "img_2"}'
    assert lines[4].startswith("answer: 42")
    assert lines[5] == "thinkimg-run/index.html"
    (trajectory,) = read_trajectories(folder / "thinkimg-run")
    assert [image.width for image in trajectory.images] == [64, 32]


def test_no_answer_is_a_failure_with_its_reason(
    folder: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "turns.txt").write_text("I do not know.\n---\nNo.\n---\nReally not.")
    status, out, _ = ask(capsys, address, "--policy", "scripted:turns.txt")
    assert status == 1
    assert "no answer: unparseable" in out


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--policy", "gpt"], 'policy: "gpt" is none; write openai:MODEL'),
        (["--policy", "scripted:turns.txt", "--dialect", "prose"], '"prose" is none of openthink'),
        (["--policy", "scripted:turns.txt", "--coordinates", "mm"], '"mm" is none of pixels, 0-1'),
        (["--policy", "scripted:turns.txt", "--tools", "Corp"], "did you mean Crop?"),
        (["--policy", "transformers:."], ". cannot be loaded"),
        (["--policy", "scripted:missing.txt"], "missing.txt: No such file"),
    ],
)
def test_a_mistake_is_one_line_with_its_remedy(
    folder: Path, address: str, capsys: pytest.CaptureFixture[str], more: list[str], says: str
) -> None:
    status, _, err = ask(capsys, address, *more)
    assert status != 0
    assert says in err
    assert err.count("\n") == 1
