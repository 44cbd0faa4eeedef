"""Parts of a reward, each one function of an episode and the score of its answer.

The score is that of the eval scorer, 0 to 1, and 0 without an answer. Further
parameters have names of their own and are options in the configuration. A part of one's
own is one more function, in any file (docs/extend-training.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import torch

from thinkimg_agent.trajectory import CallRecord, StopReason, Trajectory
from thinkimg_rpc.arguments.reading import read_arguments
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.losses.overlong import soft_overlong_penalty

Part = Callable[..., float]
"""(trajectory, score, *, options) -> the worth of one thing about the episode."""

STEPS_OF_A_CALL = 4


def accuracy(trajectory: Trajectory, score: float) -> float:
    """The score itself."""
    return score


def well_formed(trajectory: Trajectory, score: float) -> float:
    """1 if every turn was in the dialect and the last one answered, otherwise 0.

    R_format as AdaReasoner has it, for the whole course of an episode (arXiv 2601.18631,
    section on Tool-GRPO).
    """
    understood = all(not turn.problem for turn in trajectory.turns)
    return float(understood and trajectory.stop is StopReason.ANSWERED)


def tool_bonus(trajectory: Trajectory, score: float, *, right_from: float = 1.0) -> float:
    """1 if the answer is right and a tool helped with it, otherwise 0.

    1[R_acc > 0] R_tool of DeepEyes (arXiv 2505.14362, section on rewards): calling tools
    for its own sake is worth nothing. A tool that only refused did not help.

    Args:
        right_from: the score from which an answer is right; the paper's scores are 0 or 1.
    """
    return float(score >= right_from and used_tools(trajectory))


def call_penalty(trajectory: Trajectory, score: float, *, free_calls: float = 1) -> float:
    """min(N - number of calls, 0): each call beyond the free ones costs 1.

    r_penalty of Pixel-Reasoner (arXiv 2505.15966, section on curiosity-driven rewards),
    where N is 1 and the weight 0.05. Calls that failed cost as much.
    """
    return min(free_calls - sum(1 for _ in _calls(trajectory)), 0)


def call_validity(trajectory: Trajectory, score: float, *, right_from: float = 1.0) -> float:
    """How well formed the calls are, 0 to 1; 1 too if the answer is right, with calls or without.

    R_tool of AdaReasoner (arXiv 2601.18631, section on Tool-GRPO), there 0 to 4: a call
    gets a quarter for each step that it came through (it can be read; the tool is there;
    the typed request can be made of it; the tool carries it out), and calls are averaged.
    What the paper calls asymmetric: only wrong answers are told apart by it, so that no
    right one gains by calling more. A turn that could not be understood is a call that
    came through no step. With `gate = "format"` the sum is the paper's:
    R_format (w_tool R_tool + w_acc R_acc).
    """
    if score >= right_from:
        return 1.0
    steps = [steps_of_call(call) for call in _calls(trajectory)]
    steps += [0 for turn in trajectory.turns if turn.problem]
    return sum(steps) / (STEPS_OF_A_CALL * len(steps)) if steps else 0.0


def overlong(
    trajectory: Trajectory, score: float, *, limit_tokens: float, margin_tokens: float
) -> float:
    """0 down to -1 as what the model wrote comes near a limit: DAPO, equation 13."""
    written = torch.tensor(sum(turn.completion_tokens for turn in trajectory.turns))
    return float(soft_overlong_penalty(written, int(limit_tokens), int(margin_tokens)))


def chance(trajectory: Trajectory, score: float) -> float:
    """0 or 1, whatever was done: a control, in which nothing can be learned (Shao et al.,
    "Spurious Rewards", arXiv 2506.10947). An episode that is played again gets the same."""
    said = "\n".join([trajectory.sample_id, *(turn.text for turn in trajectory.turns)])
    return float(hashlib.sha256(said.encode()).digest()[0] % 2)


PARTS: dict[str, Part] = {
    "accuracy": accuracy,
    "format": well_formed,
    "tool_bonus": tool_bonus,
    "call_penalty": call_penalty,
    "call_validity": call_validity,
    "overlong": overlong,
    "chance": chance,
}
"""By the name that a configuration has for them."""


def used_tools(trajectory: Trajectory) -> bool:
    """Whether a tool did what it was asked to."""
    return any(not call.error for call in _calls(trajectory))


def steps_of_call(call: CallRecord) -> int:
    """How far a call came, 0 to 4."""
    if not _can_be_read(call.arguments):
        return 0
    passed = (bool(call.tool), bool(call.request), not call.error)
    return 1 + (passed.index(False) if False in passed else len(passed))


def _can_be_read(arguments: dict[str, Any] | str) -> bool:
    try:
        _, unreadable = read_arguments(arguments)
    except InvalidRequest:
        return False
    return not unreadable


def _calls(trajectory: Trajectory) -> Iterator[CallRecord]:
    for turn in trajectory.turns:
        yield from turn.calls
