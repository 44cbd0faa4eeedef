"""`thinkimg demo`, as a newcomer runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from thinkimg_agent.trajectory import verdict_of
from thinkimg_agent.trajectory_file import read_trajectories

from ...thinkimg_rpc.running_mesh import thinkimg

CHART = Path(__file__).parents[3] / "docs" / "pictures" / "chart.png"


@pytest.mark.timeout(300)
def test_the_demo_answers_its_questions_and_one_about_a_chart_of_ones_own(tmp_path: Path) -> None:
    run = tmp_path / "run"
    about = ("--image", str(CHART), "--question", "What is the title?")
    ran = thinkimg("demo", "--run", str(run), *about)
    assert ran.returncode == 0, ran.stderr
    *drawn, own = read_trajectories(run)
    assert [verdict_of(trajectory) for trajectory in drawn] == ["right"] * 3
    assert len({trajectory.category for trajectory in drawn}) == 3
    assert all(trajectory.turns[0].calls for trajectory in (*drawn, own))
    assert own.answer == "Visitors, in thousands"
    assert [line for line in ran.stdout.splitlines() if line.startswith("answer: ")]
    assert str(run / "index.html") in ran.stdout
    assert (run / "index.html").stat().st_size > 10_000


def test_a_policy_that_does_not_exist_is_refused_with_those_there_are(tmp_path: Path) -> None:
    ran = thinkimg("demo", "--policy", "oracle:", "--run", str(tmp_path / "run"))
    assert ran.returncode == 2
    assert 'policy: "oracle:" is none; write openai:MODEL' in ran.stderr
    assert ran.stderr.count("\n") == 1
