"""A policy learns when to call a tool: where only that wins, and where it misleads."""

from __future__ import annotations

from pathlib import Path

from .runs import make_run, mean_of_last, numbers_of

FIFTY = {"schedule__steps": 50, "rollout__groups": 8, "schedule__learning_rate": 1e-3}


def test_a_tool_that_alone_can_win_is_called_within_fifty_steps(
    player: Path, echo_mesh: str, tmp_path: Path
) -> None:
    make_run(tmp_path, player, echo_mesh, "only_the_tool_wins", **FIFTY)
    first, *_ = numbers_of(tmp_path)
    assert first["with_calls"] < 0.75
    assert first["accuracy"] < 0.75
    assert mean_of_last(tmp_path, "with_calls") > 0.9
    assert mean_of_last(tmp_path, "accuracy") > 0.9


def test_a_tool_that_misleads_is_not_called_any_more_within_fifty_steps(
    player: Path, echo_mesh: str, tmp_path: Path
) -> None:
    make_run(tmp_path, player, echo_mesh, "the_tool_misleads", **FIFTY)
    first, *_ = numbers_of(tmp_path)
    assert first["with_calls"] > 0.25
    assert first["accuracy"] < 0.25
    assert mean_of_last(tmp_path, "with_calls") < 0.15
    assert mean_of_last(tmp_path, "accuracy") > 0.85
