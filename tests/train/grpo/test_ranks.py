"""Two processes that play and learn together do what one does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..runs import largest_difference
from ..test_distribution import TORCHRUN, start_module
from .runs import make_run, numbers_of, words

GAME = "only_the_tool_wins"
SETTINGS = {
    "schedule__steps": 3,
    "schedule__learning_rate": 1e-3,
    "rollout__group_size": 4,
    "rollout__batch": 1,
    "optimizer__epsilon": 1e-4,
}


@pytest.mark.parametrize("groups", [3, 1], ids=["a share each", "one has nothing to learn from"])
def test_two_processes_make_the_steps_of_one(
    groups: int, player: Path, echo_mesh: str, tmp_path: Path
) -> None:
    alone, both = tmp_path / "alone", tmp_path / "both"
    settings = SETTINGS | {"rollout__groups": groups}
    make_run(alone, player, echo_mesh, GAME, **settings)
    finished = start_module(
        TORCHRUN, "thinkimg_train.grpo", words(both, player, echo_mesh, GAME, **settings)
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert any(step["gradient_norm"] > 0 for step in numbers_of(alone))
    assert json.loads((both / "run.json").read_text())["processes"] == 2
    for one, two in zip(numbers_of(alone), numbers_of(both), strict=True):
        for name in ("reward", "accuracy", "calls", "episodes", "groups_alike"):
            assert one[name] == pytest.approx(two[name])
        for name in ("loss", "gradient_norm", "entropy"):
            assert one[name] == pytest.approx(two[name], rel=1e-3, abs=1e-5)
    assert largest_difference(alone / "model", both / "model") < 1e-3
