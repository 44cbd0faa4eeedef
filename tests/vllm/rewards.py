"""A reward that random models differ in."""

from __future__ import annotations

from thinkimg_agent.trajectory import Trajectory


def brevity(trajectory: Trajectory, score: float) -> float:
    return -sum(turn.completion_tokens for turn in trajectory.turns) / 10
