"""A random model of this process goes through a whole evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from thinkimg_agent.trajectory_file import read_trajectories

from ...thinkimg_rpc.running_mesh import thinkimg
from ...workers.tiny_checkpoints import save_qwen_vl
from .alike import summary


@pytest.mark.timeout(180)
def test_a_model_of_transformers_answers_synthcharts(crop_mesh: str, tmp_path: Path) -> None:
    folder = save_qwen_vl(tmp_path / "model")
    out = tmp_path / "run"
    ran = thinkimg(
        *("eval", "run", "--task", "synthcharts", "--task.split", "dev", "--limit", "4"),
        *("--policy", f"transformers:{folder}", "--policy.dialect", "hermes-brief"),
        *("--limits.max_turn_tokens", "24", "--address", crop_mesh, "--out", str(out)),
    )
    assert ran.returncode == 0, ran.stderr
    told = summary(out)
    assert (told["done"], told["aborted"], told["accuracy"]["n"]) == (4, 0, 4)
    for trajectory in read_trajectories(out):
        assert trajectory.images[0].shown_width * trajectory.images[0].shown_height <= 112 * 112
        written = [turn.token_ids for turn in trajectory.turns]
        assert trajectory.context_ids is not None
        assert trajectory.sampled is not None
        assert written == [trajectory.context_ids[start:end] for start, end in trajectory.sampled]
