"""Losses, their gradients, advantages and weights are those of TRL's trainer."""

from __future__ import annotations

import math
from typing import Literal

import pytest
import torch
from trl.rewards.other_rewards import get_soft_overlong_punishment

from thinkimg_train.advantages import ADVANTAGES
from thinkimg_train.losses.mismatch import truncated_weights
from thinkimg_train.losses.overlong import soft_overlong_penalty
from thinkimg_train.losses.policy_batch import PolicyBatch, step_size
from thinkimg_train.losses.policy_gradient import LOSSES
from thinkimg_train.losses.settings import LossSection, MismatchSection

from .policy_cases import changed, gradient, random_batch, with_leaf
from .trl_oracle import trl_advantages, trl_loss, trl_sampler_weights

Level = Literal["token", "sequence"]
LEVELS: tuple[Level, ...] = ("token", "sequence")
CLOSE = 1e-5
SETTINGS = {
    "plain": LossSection(normal_tokens=7),
    "clip-higher": LossSection(clip_low=0.1, clip_high=0.28, normal_tokens=7),
    "two-sided": LossSection(ratio_limit=1.4, normal_tokens=7),
    "with a reference": LossSection(kl_weight=0.05, normal_tokens=7),
    "all of it": LossSection(clip_high=0.3, ratio_limit=1.5, kl_weight=0.2, normal_tokens=5),
}


def assert_same(name: str, settings: LossSection, batch: PolicyBatch) -> None:
    ours, theirs = with_leaf(batch), with_leaf(batch)
    found = LOSSES[name](ours, settings, step_size(ours.mask)).loss
    wanted = trl_loss(name, settings, theirs)
    assert found.item() == pytest.approx(wanted.item(), abs=CLOSE)
    slope = gradient(found, ours)
    assert float((slope - gradient(wanted, theirs)).abs().max()) < CLOSE
    assert float(slope.abs().max()) > 100 * CLOSE


def sampled_by_another(batch: PolicyBatch, seed: int) -> torch.Tensor:
    """(B, T) the old policy's numbers, as an engine gave them that errs by 0.1 or so."""
    noise = torch.randn(batch.mask.shape, generator=torch.Generator().manual_seed(seed))
    return batch.old_logprobs + 0.1 * noise


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("kind", SETTINGS)
def test_a_loss_and_its_gradient(name: str, kind: str) -> None:
    for seed in range(4):
        assert_same(name, SETTINGS[kind], random_batch(seed, reference=True))


@pytest.mark.parametrize("name", LOSSES)
def test_the_first_update_after_sampling(name: str) -> None:
    """Where all ratios are 1, and only gradients tell the losses from nothing."""
    assert_same(name, LossSection(normal_tokens=7), random_batch(0, apart=0.0))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("level", LEVELS)
def test_a_loss_corrected_for_the_sampler(name: str, level: Level) -> None:
    for seed in range(3):
        batch = random_batch(seed, reference=True)
        sampled = sampled_by_another(batch, seed)
        settings = MismatchSection(level=level, cap=1.3)
        weights = truncated_weights(batch.old_logprobs, sampled, batch.mask, settings)
        assert weights is not None
        kept = changed(batch, sampler_weights=weights)
        assert_same(name, LossSection(kl_weight=0.1, normal_tokens=7), kept)


@pytest.mark.parametrize("level", LEVELS)
def test_the_weights_that_correct_for_the_sampler(level: Level) -> None:
    batch = random_batch(7)
    sampled = sampled_by_another(batch, 7)
    sampled[1, 0] = math.nan  # the sampler did not say
    settings = MismatchSection(level=level, cap=1.1)
    found = truncated_weights(batch.old_logprobs, sampled, batch.mask, settings)
    assert found is not None
    wanted = trl_sampler_weights(batch.old_logprobs, sampled, batch.mask, level, 1.1)
    torch.testing.assert_close(found, wanted, atol=CLOSE, rtol=0)
    assert float(found.max()) == pytest.approx(1.1)


@pytest.mark.parametrize(("name", "scale"), [("standardized", "group"), ("centred", "none")])
def test_advantages(name: str, scale: str) -> None:
    rewards = torch.tensor(
        [
            [0.0, 1.0, 1.0, math.nan],
            [1.0, 1.0, 1.0, 1.0],
            [0.2, 0.5, 0.1, 0.9],
            [math.nan, math.nan, math.nan, math.nan],
        ]
    )
    found = ADVANTAGES[name](rewards, ~rewards.isnan())
    torch.testing.assert_close(found, trl_advantages(rewards, scale), atol=CLOSE, rtol=0)


def test_the_penalty_of_long_episodes() -> None:
    lengths = [0, 1, 79, 80, 81, 90, 99, 100, 101, 500]
    wanted = get_soft_overlong_punishment(100, 20)([[1] * length for length in lengths])
    found = soft_overlong_penalty(torch.tensor(lengths), limit=100, margin=20)
    assert found.tolist() == pytest.approx(wanted)
