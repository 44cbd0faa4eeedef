"""What the episodes of a group were worth, each beside the others."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from thinkimg_agent.trajectory import StopReason
from thinkimg_train.advantages import ADVANTAGES, can_teach
from thinkimg_train.learning import Lesson
from thinkimg_train.rewards.weighing import Reward, RewardSection, rewards_of
from thinkimg_train.rollouts.playing import Group, Played


@dataclass(frozen=True)
class JudgedGroup:
    """A group and what can be learned from it."""

    group: Group
    rewards: list[Reward | None]
    """Of each episode; None: it is not in the group, because it was aborted or is unfit."""
    lessons: list[Lesson]
    """Of those that are in the group."""
    teaches: bool
    """Whether its rewards differ."""


def judged(group: Group, reward: RewardSection, advantages: str) -> JudgedGroup:
    """Rewards and advantages over the episodes that are left of a group."""
    counted = [one for one in group.episodes if one.sample is not None]
    scores = [one.trajectory.score or 0.0 for one in counted]
    given = iter(rewards_of([one.trajectory for one in counted], scores, reward))
    rewards = [None if one.sample is None else next(given) for one in group.episodes]
    kept = torch.tensor([one is not None for one in rewards])
    totals = torch.tensor([one.total if one is not None else 0.0 for one in rewards]).double()
    better = ADVANTAGES[advantages](totals, kept).tolist()
    lessons = [
        _lesson(episode, advantage)
        for episode, advantage in zip(group.episodes, better, strict=True)
        if episode.sample is not None
    ]
    return JudgedGroup(group, rewards, lessons, bool(can_teach(totals, kept)))


def _lesson(episode: Played, advantage: float) -> Lesson:
    assert episode.sample is not None
    trajectory = episode.trajectory
    return Lesson(
        sample=episode.sample,
        advantage=advantage,
        sampler_logprobs=[
            logprob
            for turn in trajectory.turns
            for logprob in turn.logprobs or [float("nan")] * len(turn.token_ids or ())
        ],
        cut_off=trajectory.stop is StopReason.TOKEN_LIMIT,
    )
