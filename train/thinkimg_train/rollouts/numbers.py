"""What the episodes of a step were like, in numbers to be logged and watched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from accelerate.utils import gather_object

from thinkimg_agent.trajectory import CallRecord, StopReason, Trajectory
from thinkimg_train.rewards.weighing import mean_rewards
from thinkimg_train.rollouts.judging import JudgedGroup

REPEATED = 32
"""So many of one token in a row are no words of any language."""

Means = dict[str, tuple[float, int]]
"""By name: a sum and what it is of."""


def numbers_of(groups: Sequence[JudgedGroup]) -> dict[str, float]:
    """Of the groups of all processes, each of which gives its own."""
    every = gather_object([(_means(groups), _counts(groups))])
    found: dict[str, float] = {}
    for name in dict.fromkeys(name for means, _ in every for name in means):
        parts = [means[name] for means, _ in every if name in means]
        total, count = sum(part[0] for part in parts), sum(part[1] for part in parts)
        found[name] = total / count if count else 0.0
    for _, counts in every:
        for name, value in counts.items():
            found[name] = found.get(name, 0.0) + value
    return found


def _means(groups: Sequence[JudgedGroup]) -> Means:
    pairs = [
        (episode.trajectory, reward)
        for one in groups
        for episode, reward in zip(one.group.episodes, one.rewards, strict=True)
        if reward is not None
    ]
    kept = [trajectory for trajectory, _ in pairs]
    count = len(kept)
    means = {
        name: (value * count, count)
        for name, value in mean_rewards([reward for _, reward in pairs]).items()
    }
    means["groups_alike"] = (float(sum(not one.teaches for one in groups)), len(groups))
    per_episode = {name: [value(one) for one in kept] for name, value in _OF_EPISODE.items()}
    return means | {name: (sum(values), count) for name, values in per_episode.items()}


def _counts(groups: Sequence[JudgedGroup]) -> dict[str, float]:
    episodes = [episode for one in groups for episode in one.group.episodes]
    return {
        "groups": float(len(groups)),
        "episodes": float(len(episodes)),
        "aborted": float(sum(one.aborted for one in episodes)),
        "unfit": float(sum(bool(one.unfit) for one in episodes)),
        "sampled_tokens": float(sum(_sampled(one.trajectory) for one in episodes)),
        "repeating": float(sum(_repeats(one.trajectory) for one in episodes)),
    }


def _calls(trajectory: Trajectory) -> list[CallRecord]:
    return [call for turn in trajectory.turns for call in turn.calls]


def _sampled(trajectory: Trajectory) -> int:
    return sum(turn.completion_tokens for turn in trajectory.turns)


def _at_once(trajectory: Trajectory) -> bool:
    """Whether it answered before it had looked at anything."""
    return trajectory.stop is StopReason.ANSWERED and not any(
        not call.error for call in _calls(trajectory)
    )


def _longest_repeat(ids: Iterable[int]) -> int:
    """How often one token stands behind itself at most."""
    longest = run = 0
    before = None
    for token in ids:
        run = run + 1 if token == before else 1
        longest, before = max(longest, run), token
    return longest


def _repeats(trajectory: Trajectory) -> bool:
    return any(_longest_repeat(turn.token_ids or ()) >= REPEATED for turn in trajectory.turns)


_OF_EPISODE: dict[str, Callable[[Trajectory], float]] = {
    "accuracy": lambda one: one.score or 0.0,
    "turns": lambda one: len(one.turns),
    "episode_tokens": _sampled,
    "calls": lambda one: len(_calls(one)),
    "distinct_tools": lambda one: len({call.tool for call in _calls(one) if call.tool}),
    "with_calls": lambda one: bool(_calls(one)),
    "answered_at_once": _at_once,
    "caller_errors": lambda one: sum(bool(call.error) for call in _calls(one)),
    "unparseable_turns": lambda one: sum(bool(turn.problem) for turn in one.turns),
    "answered": lambda one: one.stop is StopReason.ANSWERED,
    "cut_off": lambda one: one.stop is StopReason.TOKEN_LIMIT,
    "tool_s": lambda one: sum(call.seconds for call in _calls(one)),
    "model_s": lambda one: sum(turn.seconds for turn in one.turns),
}
"""Means over the episodes that have a reward: counts of an episode, or shares of all."""
