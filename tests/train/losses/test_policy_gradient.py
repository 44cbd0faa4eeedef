"""What a policy learns by: numbers computed by hand, and what holds of any batch."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.losses.policy_batch import PolicyBatch, StepSize, in_rows, step_size
from thinkimg_train.losses.policy_gradient import LOSSES, loss_of
from thinkimg_train.losses.settings import LossSection
from thinkimg_train.losses.trained_tokens import targets_of

from .policy_cases import changed, gradient, random_batch, with_leaf

names = st.sampled_from(sorted(LOSSES))
seeds = st.integers(0, 10_000)
ALL = LossSection(clip_high=0.28, ratio_limit=1.5, kl_weight=0.1, normal_tokens=20)


def share(name: str, batch: PolicyBatch, step: StepSize | None = None) -> torch.Tensor:
    return LOSSES[name](batch, ALL, step or step_size(batch.mask)).loss


def by_hand() -> PolicyBatch:
    """A good episode of three tokens around a tool's, and a bad one of a single token.

    Ratios are 1.5, 1 and 0.5 in the first and 2 in the second.
    """
    old = torch.tensor([[0.2, 0.9, 0.5, 0.4], [0.3, 0.9, 0.9, 0.9]])
    now = torch.tensor([[0.3, 0.1, 0.5, 0.2], [0.6, 0.1, 0.1, 0.1]])
    mask = torch.tensor([[True, False, True, True], [True, False, False, False]])
    return PolicyBatch(now.log().requires_grad_(), old.log(), mask, torch.tensor([1.0, -2.0]))


# With bounds 0.8 and 1.2, the first episode gains min(1.5, 1.2) + 1 + 0.5 = 2.7 over its three
# tokens; the second loses 2 × 2 = 4 on its only one, as large ratios of bad tokens are not bound.
PPO_TABLE = {
    "grpo": -(2.7 / 3 - 4) / 2,
    "dr_grpo": -(2.7 - 4) / (2 * 10),
    "dapo": -(2.7 - 4) / 4,
    # Weights 1.2, 1, 0.5 times log p 0.3, 0.5, 0.2; and 1.2 × -2 × log 0.6.
    "cispo": -(1.2 * math.log(0.3) + math.log(0.5) + 0.5 * math.log(0.2) - 2.4 * math.log(0.6)) / 4,
    # The geometric means are (1.5 × 1 × 0.5)^(1/3) = 0.9086 and 2.
    "gspo": -(0.75 ** (1 / 3) - 4) / 2,
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_computed_by_hand(name: str) -> None:
    batch = by_hand()
    found = LOSSES[name](batch, LossSection(normal_tokens=10), step_size(batch.mask))
    assert found.loss.item() == pytest.approx(PPO_TABLE[name], abs=1e-6)


# d/d log p of r A is r A, and 0 where the bound is the smaller; over three tokens, two episodes.
SLOPES = {
    "grpo": [[0.0, 0.0, -1 / 6, -0.5 / 6], [4 / 2, 0.0, 0.0, 0.0]],
    "dr_grpo": [[0.0, 0.0, -1 / 20, -0.5 / 20], [4 / 20, 0.0, 0.0, 0.0]],
    "dapo": [[0.0, 0.0, -1 / 4, -0.5 / 4], [4 / 4, 0.0, 0.0, 0.0]],
    "cispo": [[-1.2 / 4, 0.0, -1 / 4, -0.5 / 4], [2.4 / 4, 0.0, 0.0, 0.0]],
    "gspo": [[-(0.75 ** (1 / 3)) / 6, 0.0, *[-(0.75 ** (1 / 3)) / 6] * 2], [4 / 2, 0.0, 0.0, 0.0]],
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_computed_by_hand(name: str) -> None:
    batch = by_hand()
    found = LOSSES[name](batch, LossSection(normal_tokens=10), step_size(batch.mask))
    expected = torch.tensor(SLOPES[name])
    torch.testing.assert_close(gradient(found.loss, batch), expected, atol=1e-6, rtol=1e-5)


def test_what_was_clipped_is_known() -> None:
    batch = by_hand()
    found = LOSSES["grpo"](batch, LossSection(), step_size(batch.mask))
    assert found.ratios[batch.mask].tolist() == pytest.approx([1.5, 1.0, 0.5, 2.0])
    assert found.clipped_high.tolist() == [[True, False, False, False], [False] * 4]
    # Making a good token rarer is not clipped: the step would undo it.
    assert not found.clipped_low.any()
    worse = changed(batch, advantages=torch.tensor([-1.0, -2.0]))
    found = LOSSES["grpo"](worse, LossSection(ratio_limit=1.9), step_size(batch.mask))
    assert found.clipped_low.tolist() == [[False, False, False, True], [False] * 4]
    assert found.clipped_high.tolist() == [[False] * 4, [True, False, False, False]]


def test_clipping_higher_lets_a_rare_token_become_more_frequent() -> None:
    batch = by_hand()
    step = step_size(batch.mask)
    usual = gradient(LOSSES["dapo"](batch, LossSection(), step).loss, batch)
    higher = gradient(LOSSES["dapo"](batch, LossSection(clip_high=0.6), step).loss, batch)
    assert usual[0, 0] == 0
    assert higher[0, 0] == pytest.approx(-1.5 / 4)


def test_a_limit_bounds_what_a_bad_token_can_do() -> None:
    batch = by_hand()
    found = LOSSES["grpo"](batch, LossSection(ratio_limit=1.6), step_size(batch.mask)).loss
    assert found.item() == pytest.approx(-(2.7 / 3 - 3.2) / 2)
    assert gradient(found, batch)[1, 0] == 0


def test_the_distance_to_a_reference_is_in_the_loss() -> None:
    """Twice, half and as probable in the reference: 2 - ln 2 - 1, 1/2 + ln 2 - 1, and 0."""
    logprobs = torch.tensor([[0.2, 0.4, 0.3]]).log().requires_grad_()
    batch = PolicyBatch(
        logprobs,
        logprobs.detach(),
        torch.ones(1, 3, dtype=torch.bool),
        torch.zeros(1),
        reference_logprobs=torch.tensor([[0.4, 0.2, 0.3]]).log(),
    )
    found = LOSSES["dapo"](batch, LossSection(kl_weight=3.0), step_size(batch.mask)).loss
    assert found.item() == pytest.approx((1 - math.log(2)) + (math.log(2) - 0.5))
    # d/d log p of e^d - d - 1 with d = log p_ref - log p is 1 - e^d.
    assert gradient(found, batch)[0].tolist() == pytest.approx([-1.0, 0.5, 0.0], abs=1e-6)


def test_a_distance_without_a_reference_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"loss\.kl_weight"):
        LOSSES["grpo"](by_hand(), LossSection(kl_weight=0.1), StepSize(2, 4))


def test_a_loss_that_is_not_there_is_refused_with_those_that_are() -> None:
    assert loss_of(LossSection(name="dapo")) is LOSSES["dapo"]
    with pytest.raises(InvalidRequest, match=r"grpo, dr_grpo, dapo, cispo, gspo"):
        loss_of(LossSection(name="ppo"))


def test_a_limit_within_the_bounds_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"loss\.ratio_limit: write more than 1\.28"):
        loss_of(LossSection(clip_high=0.28, ratio_limit=1.28))


@given(names, seeds)
def test_what_was_not_sampled_changes_nothing_and_learns_nothing(name: str, seed: int) -> None:
    batch = random_batch(seed, reference=True)
    assert batch.reference_logprobs is not None
    weights = torch.rand(batch.mask.shape) + 0.5
    clean = share(name, changed(batch, sampler_weights=weights))
    anything = torch.tensor([math.nan, math.inf, -math.inf, -700.0])

    def dirty(values: torch.Tensor, kind: int) -> torch.Tensor:
        return torch.where(batch.mask, values.detach(), anything[(seed + kind) % 4])

    spoilt = PolicyBatch(
        dirty(batch.logprobs, 0).requires_grad_(),
        dirty(batch.old_logprobs, 1),
        batch.mask,
        batch.advantages,
        dirty(batch.reference_logprobs, 2),
        dirty(weights, 3),
    )
    found = share(name, spoilt)
    assert found.item() == pytest.approx(clean.item(), rel=1e-6, abs=1e-6)
    slope = gradient(found, spoilt)
    assert bool(slope.isfinite().all())
    assert bool((slope[~batch.mask] == 0).all())


@given(names, seeds)
def test_holes_in_the_mask_are_as_if_cut_out(name: str, seed: int) -> None:
    """Turns of a model around a tool's are learned as if they stood side by side."""
    batch = random_batch(seed, episodes=1, reference=True)
    kept = batch.mask[0]
    assert batch.reference_logprobs is not None
    close_up = PolicyBatch(
        batch.logprobs[:, kept].detach().requires_grad_(),
        batch.old_logprobs[:, kept],
        batch.mask[:, kept],
        batch.advantages,
        batch.reference_logprobs[:, kept],
    )
    whole, close = share(name, batch), share(name, close_up)
    assert whole.item() == pytest.approx(close.item(), rel=1e-5, abs=1e-6)
    slopes = gradient(whole, batch)[:, kept], gradient(close, close_up)
    torch.testing.assert_close(*slopes, atol=1e-6, rtol=1e-5)


@given(names, seeds)
def test_the_order_of_episodes_changes_nothing(name: str, seed: int) -> None:
    batch = random_batch(seed, reference=True)
    order = torch.randperm(len(batch.mask), generator=torch.Generator().manual_seed(seed))
    assert share(name, rows(batch, order)).item() == pytest.approx(
        share(name, batch).item(), rel=1e-5, abs=1e-6
    )


@given(names, seeds, st.integers(1, 4))
def test_how_a_step_is_divided_into_batches_changes_nothing(name: str, seed: int, at: int) -> None:
    batch = with_leaf(random_batch(seed, reference=True))
    step = step_size(batch.mask)
    whole = share(name, batch, step)
    parts = [rows(batch, torch.arange(at)), rows(batch, torch.arange(at, len(batch.mask)))]
    halves = torch.stack([share(name, part, step) for part in parts]).sum()
    assert halves.item() == pytest.approx(whole.item(), rel=1e-5, abs=1e-6)
    slopes = gradient(halves, batch), gradient(whole, batch)
    torch.testing.assert_close(*slopes, atol=1e-6, rtol=1e-5)


@given(names, seeds)
def test_a_row_that_fills_a_batch_up_changes_nothing(name: str, seed: int) -> None:
    batch = random_batch(seed, reference=True)
    empty = batch.mask.clone()
    empty[0] = False
    without = rows(changed(batch, mask=empty), torch.arange(1, len(empty)))
    found = share(name, changed(batch, mask=empty))
    assert found.item() == pytest.approx(share(name, without).item(), rel=1e-5, abs=1e-6)


@given(names, seeds, st.sampled_from([0.0, 0.5, 3.0]))
def test_advantages_scale_what_is_learned(name: str, seed: int, scale: float) -> None:
    batch = random_batch(seed)
    settings, step = LossSection(), step_size(batch.mask)
    once = gradient(LOSSES[name](batch, settings, step).loss, batch)
    scaled = changed(batch, advantages=scale * batch.advantages)
    found = gradient(LOSSES[name](scaled, settings, step).loss, batch)
    torch.testing.assert_close(found, scale * once, atol=1e-6, rtol=1e-4)


@given(seeds)
def test_before_the_first_update_token_losses_are_the_plain_policy_gradient(seed: int) -> None:
    batch = random_batch(seed, apart=0.0)
    plain = -(batch.mask * batch.advantages[:, None]) / batch.mask.sum()
    for name in ("dapo", "cispo"):
        found = gradient(LOSSES[name](batch, LossSection(), step_size(batch.mask)).loss, batch)
        torch.testing.assert_close(found, plain, atol=1e-7, rtol=1e-5)


def test_nothing_to_learn_is_a_loss_of_zero() -> None:
    batch = random_batch(0)
    nothing = changed(batch, mask=torch.zeros_like(batch.mask))
    for name in LOSSES:
        found = LOSSES[name](nothing, LossSection(), step_size(nothing.mask)).loss
        assert found.item() == 0
        assert not gradient(found, nothing).any()


def test_targets_fall_into_rows_and_gradients_find_back() -> None:
    ids = torch.tensor([[5, 6, 7, 8], [5, 6, 7, 8]])
    trained = torch.tensor([[False, False, True, False], [False, True, False, True]])
    targets = targets_of(ids, trained)
    values = torch.tensor([-1.0, -2.0, -3.0], requires_grad=True)
    laid_out, mask = in_rows(values, targets, rows=2)
    assert mask.tolist() == [[False, True, False], [True, False, True]]
    assert laid_out[mask].tolist() == [-1.0, -2.0, -3.0]
    (slope,) = torch.autograd.grad((laid_out * torch.tensor([[1, 2, 3], [4, 5, 6]])).sum(), values)
    assert slope.tolist() == [2.0, 4.0, 6.0]


def rows(batch: PolicyBatch, which: torch.Tensor) -> PolicyBatch:
    reference = batch.reference_logprobs
    return PolicyBatch(
        batch.logprobs[which],
        batch.old_logprobs[which],
        batch.mask[which],
        batch.advantages[which],
        None if reference is None else reference[which],
    )
