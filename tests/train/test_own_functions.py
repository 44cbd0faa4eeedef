"""Rewards and losses of a user's own, named in the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.losses.policy_batch import step_size
from thinkimg_train.losses.policy_gradient import loss_of
from thinkimg_train.losses.settings import LossSection
from thinkimg_train.rewards.weighing import RewardSection, check_rewards, rewards_of

from .losses.policy_cases import random_batch
from .rewards.episodes import carried_out, episode

OWN = """
def turns(trajectory, score, *, each=1.0):
    return each * len(trajectory.turns)

def rank(trajectories, scores):
    return [float(sorted(scores).index(score)) for score in scores]

def flat(batch, settings, step):
    from thinkimg_train.losses.policy_gradient import grpo
    return grpo(batch, settings, step)
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "own.py"
    file.write_text(OWN)
    return file


def test_a_reward_is_one_function_of_an_episode_or_of_a_group(own: Path) -> None:
    names = [f"{own}:turns", f"{own}:rank"]
    section = RewardSection(
        weights={names[0]: 2.0, names[1]: 1.0}, options={names[0]: {"each": 3.0}}
    )
    check_rewards(section)
    found = rewards_of([episode(carried_out()), episode()], [1.0, 0.0], section)
    assert [one.parts for one in found if one is not None] == [
        {names[0]: 6.0, names[1]: 1.0},
        {names[0]: 3.0, names[1]: 0.0},
    ]
    assert [one.total for one in found if one is not None] == [13.0, 6.0]


def test_a_loss_is_one_function(own: Path) -> None:
    batch, settings = random_batch(0), LossSection(name=f"{own}:flat")
    same = loss_of(LossSection())(batch, settings, step_size(batch.mask))
    assert loss_of(settings)(batch, settings, step_size(batch.mask)).loss == same.loss


@pytest.mark.parametrize("name", ["missing.py:turns", "{own}:nothing"])
def test_one_that_is_not_there_is_named(name: str, own: Path) -> None:
    asked = name.format(own=own)
    with pytest.raises(InvalidRequest, match=r"reward\.weights.*(no file|no function)"):
        check_rewards(RewardSection(weights={asked: 1.0}))
    with pytest.raises(InvalidRequest, match=r"loss\.name.*(no file|no function)"):
        loss_of(LossSection(name=asked))
