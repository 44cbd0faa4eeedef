"""What a sampler's probabilities differ from the trainer's, and episodes that were cut off."""

from __future__ import annotations

import math

import pytest
import torch

from thinkimg_train.losses.mismatch import truncated_weights
from thinkimg_train.losses.overlong import soft_overlong_penalty, without_overlong
from thinkimg_train.losses.settings import MismatchSection

TRAINER = torch.tensor([[0.4, 0.1, 0.3], [0.2, 0.2, 0.1]]).log()
SAMPLER = torch.tensor([[0.2, 0.7, 0.6], [0.1, 0.1, 0.7]]).log()
MASK = torch.tensor([[True, False, True], [True, True, False]])


def test_weights_by_token_are_ratios_up_to_the_cap() -> None:
    settings = MismatchSection(level="token", cap=1.5)
    found = truncated_weights(TRAINER, SAMPLER, MASK, settings)
    assert found is not None
    assert found[MASK].tolist() == pytest.approx([1.5, 0.5, 1.5, 1.5])


def test_weights_by_sequence_are_products_up_to_the_cap() -> None:
    settings = MismatchSection(level="sequence", cap=3.0)
    found = truncated_weights(TRAINER, SAMPLER, MASK, settings)
    assert found is not None
    # 2 × 0.5 in the first; 2 × 2 in the second, which is beyond the cap.
    assert found[:, 0].tolist() == pytest.approx([1.0, 3.0])


def test_a_token_that_the_sampler_said_nothing_of_counts_as_equal() -> None:
    sampler = SAMPLER.clone()
    sampler[0, 0] = math.nan
    found = truncated_weights(TRAINER, sampler, MASK, MismatchSection(level="sequence"))
    assert found is not None
    assert found[0, 0].item() == pytest.approx(0.5)


def test_weights_have_no_gradient() -> None:
    trainer = TRAINER.clone().requires_grad_()
    found = truncated_weights(trainer, SAMPLER, MASK, MismatchSection())
    assert found is not None
    assert not found.requires_grad


def test_without_a_correction_there_are_no_weights() -> None:
    assert truncated_weights(TRAINER, SAMPLER, MASK, MismatchSection(level="no")) is None


def test_an_episode_that_was_cut_off_is_not_learned_from() -> None:
    found = without_overlong(MASK, torch.tensor([False, True]))
    assert found.tolist() == [[True, False, True], [False, False, False]]


def test_the_penalty_grows_within_the_margin() -> None:
    lengths = torch.tensor([0, 80, 85, 90, 100, 101])
    found = soft_overlong_penalty(lengths, limit=100, margin=20)
    assert found.tolist() == pytest.approx([0, 0, -0.25, -0.5, -1, -1])


def test_without_a_margin_only_what_is_beyond_the_limit_is_punished() -> None:
    found = soft_overlong_penalty(torch.tensor([99, 100, 101]), limit=100, margin=0)
    assert found.tolist() == [0, 0, -1]
