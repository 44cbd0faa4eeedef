"""What a step did, in numbers."""

from __future__ import annotations

import math

import pytest
import torch

from thinkimg_train.losses.mismatch import truncated_weights
from thinkimg_train.losses.policy_batch import PolicyBatch, step_size
from thinkimg_train.losses.policy_gradient import LOSSES
from thinkimg_train.losses.settings import LossSection, MismatchSection
from thinkimg_train.losses.statistics import MAXIMA, MEANS, tally

from .policy_cases import changed, random_batch


def small() -> PolicyBatch:
    """Ratios 1.5 and 0.5 of a good episode with a hole, and 2 of a bad one."""
    old = torch.tensor([[0.2, 0.9, 0.4], [0.3, 0.9, 0.9]])
    now = torch.tensor([[0.3, 0.1, 0.2], [0.6, 0.1, 0.1]])
    mask = torch.tensor([[True, False, True], [True, False, False]])
    reference = torch.tensor([[0.3, 0.1, 0.4], [0.6, 0.1, 0.1]]).log()
    return PolicyBatch(now.log(), old.log(), mask, torch.tensor([1.0, -1.0]), reference)


def k3(ratio: float) -> float:
    return ratio - 1 - math.log(ratio)


def test_numbers_computed_by_hand() -> None:
    batch = small()
    result = LOSSES["grpo"](batch, LossSection(), step_size(batch.mask))
    sampled = batch.old_logprobs - torch.tensor([[0.5, 9.0, 0.0], [-0.1, 9.0, 9.0]])
    weights = truncated_weights(
        batch.old_logprobs, sampled, batch.mask, MismatchSection(level="token", cap=1.2)
    )
    entropies = torch.tensor([[1.0, 50.0, 2.0], [6.0, 50.0, 50.0]])
    found = tally(
        changed(batch, sampler_weights=weights),
        result,
        entropies=entropies,
        sampler_logprobs=sampled,
    ).numbers()
    assert found == pytest.approx(
        {
            "ratio_mean": 4 / 3,
            "ratio_max": 2.0,
            "clipped_low": 0.0,
            "clipped_high": 1 / 3,
            "kl_old": (k3(1.5) + k3(0.5) + k3(2.0)) / 3,
            "kl_reference": k3(2.0) / 3,
            "entropy": 3.0,
            "mismatch_kl": (k3(math.exp(0.5)) + k3(math.exp(-0.1))) / 3,
            "mismatch_mean": (0.5 + 0.1) / 3,
            "mismatch_max": 0.5,
            "mismatch_weight": (1.2 + 1.0 + math.exp(-0.1)) / 3,
        },
        rel=1e-5,
    )
    assert set(found) == {*MEANS, *MAXIMA}


def test_whole_sequences_count_as_one_each() -> None:
    batch = small()
    result = LOSSES["gspo"](batch, LossSection(), step_size(batch.mask))
    found = tally(batch, result).numbers()
    assert found["ratio_mean"] == pytest.approx((math.sqrt(0.75) + 2) / 2)
    assert found["clipped_high"] == 0  # the second is bad, and so not bound above


def test_a_row_that_fills_a_batch_up_is_no_sequence() -> None:
    batch = small()
    batch = changed(batch, mask=batch.mask & torch.tensor([[True], [False]]))
    result = LOSSES["gspo"](batch, LossSection(), step_size(batch.mask))
    assert tally(batch, result).numbers()["ratio_mean"] == pytest.approx(math.sqrt(0.75))


def test_what_is_not_known_is_not_told() -> None:
    batch = changed(small(), reference_logprobs=None)
    found = tally(batch, LOSSES["grpo"](batch, LossSection(), step_size(batch.mask))).numbers()
    assert set(found) == {"ratio_mean", "ratio_max", "clipped_low", "clipped_high", "kl_old"}


def test_an_empty_batch_adds_nothing() -> None:
    batch = random_batch(0)
    empty = changed(batch, mask=torch.zeros_like(batch.mask))
    step = step_size(batch.mask)
    whole = tally(batch, LOSSES["dapo"](batch, LossSection(), step))
    nothing = tally(empty, LOSSES["dapo"](empty, LossSection(), step))
    assert nothing.numbers() == {}
    assert (whole + nothing).numbers() == whole.numbers()


@pytest.mark.parametrize("name", LOSSES)
def test_the_numbers_of_parts_add_up_to_those_of_the_whole(name: str) -> None:
    batch = random_batch(1)
    step = step_size(batch.mask)

    def part(which: slice) -> PolicyBatch:
        return PolicyBatch(
            batch.logprobs[which],
            batch.old_logprobs[which],
            batch.mask[which],
            batch.advantages[which],
        )

    parts = [part(slice(0, 2)), part(slice(2, None))]
    first, second = (tally(one, LOSSES[name](one, LossSection(), step)) for one in parts)
    whole = tally(batch, LOSSES[name](batch, LossSection(), step))
    assert (first + second).numbers() == pytest.approx(whole.numbers())
