"""`thinkimg eval run` with a random model behind vLLM's own server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from thinkimg_agent.trajectory_file import read_trajectories


@pytest.mark.timeout(300)
def test_a_model_behind_vllms_server_goes_through_a_whole_evaluation(
    server: str, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "thinkimg_eval", "run", "--serve", "--out", str(out)),
            *("--task", "synthcharts", "--task.split", "dev", "--limit", "4"),
            *("--policy", "openai:tiny", "--policy.base_url", server),
            *("--policy.dialect", "hermes-brief", "--limits.max_turn_tokens", "24"),
        ],
        capture_output=True,
        text=True,
        env=os.environ | {"OPENAI_API_KEY": "none"},
    )
    assert ran.returncode == 0, ran.stderr
    summary = msgspec.json.decode((out / "summary.json").read_bytes())
    assert (summary["done"], summary["aborted"], summary["accuracy"]["n"]) == (4, 0, 4)
    assert summary["cost"]["prompt_tokens"]["mean"] > 0
    for trajectory in read_trajectories(out):
        assert all(turn.completion_tokens for turn in trajectory.turns)
