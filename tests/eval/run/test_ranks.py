"""Two processes, as `accelerate launch` starts them, make the same run as one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from thinkimg_agent.trajectory_file import TrajectoryWriter, read_trajectories
from thinkimg_eval.run.ranks import take_one_gpu

from .alike import results, summary

FILE = Path(__file__).with_name("tiny_task.py")
# With --cpu, accelerate starts several processes through MPI only.
LAUNCH = (
    "accelerate.commands.launch --multi_gpu --num_processes 2 --num_machines 1 "
    "--mixed_precision no --main_process_port 0"
)


def run(address: str, script: Path, out: Path, *launcher: str, ranks: Path) -> str:
    ranks.mkdir()
    finished = subprocess.run(
        [
            *(sys.executable, "-m", *launcher, "thinkimg_eval", "run", "--task", f"{FILE}:tiny"),
            *("--task.questions", "25", "--policy", f"scripted:{script}"),
            *("--address", address, "--out", str(out)),
        ],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "TINY_TASK_RANKS": str(ranks)},
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.timeout(180)
def test_two_processes_make_the_summary_of_one(
    crop_mesh: str, look_and_answer: Path, tmp_path: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    run(crop_mesh, look_and_answer, one, ranks=tmp_path / "ranks of one")
    # An earlier start with three processes was killed: what the third one did counts.
    head = [*read_trajectories(one)][2:9:3]
    with TrajectoryWriter(two, "trajectories.rank2.jsonl") as writer:
        for trajectory in head:
            writer.add(trajectory)
    (two / "run.json").write_bytes((one / "run.json").read_bytes())
    ranks = tmp_path / "ranks of two"
    said = run(crop_mesh, look_and_answer, two, *LAUNCH.split(), "-m", ranks=ranks)
    assert {path.name for path in ranks.iterdir()} == {"0", "1"}
    assert results(two) == results(one)
    assert summary(two) == summary(one)
    assert [path.name for path in two.glob("trajectories*")] == ["trajectories.jsonl"]
    assert said.count("to look at") == 1, "only the first process speaks"


@pytest.mark.parametrize(
    ("there", "named", "taken"),
    [(4, "", "2"), (4, "4,5,6,7", "6"), (2, "", "0"), (1, "5", "5"), (0, "", "")],
)
def test_each_process_takes_a_gpu_of_its_own(
    monkeypatch: pytest.MonkeyPatch, there: int, named: str, taken: str
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    take_one_gpu(local_rank=2)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == taken
