"""What a policy loss is made of: a batch of sampled tokens, and what it is a share of."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from thinkimg_train.losses.trained_tokens import Targets


@dataclass(frozen=True)
class PolicyBatch:
    """B episodes, each in T columns, with what is known of every token that was sampled.

    Only columns that are in the mask count. It may have holes anywhere, as where tools
    wrote something, and what stands in them, NaN too, changes nothing.
    """

    logprobs: torch.Tensor
    """(B, T) by the policy as it is; the only one with a gradient."""
    old_logprobs: torch.Tensor
    """(B, T) by the policy before this step, in the trainer's own numbers."""
    mask: torch.Tensor
    """(B, T) bool, the tokens that the policy sampled."""
    advantages: torch.Tensor
    """(B,)"""
    reference_logprobs: torch.Tensor | None = None
    """(B, T) by the model that it is to stay close to."""
    sampler_weights: torch.Tensor | None = None
    """(B, T) or (B, 1), of `mismatch.truncated_weights`; None: all are 1."""


@dataclass(frozen=True)
class StepSize:
    """What a whole step of the optimizer is taken over: all batches of all processes.

    Each batch's loss is its share of the step's, so that their sum is the same however
    the episodes are divided into batches.
    """

    episodes: int
    """Those with a token that counts: rows that only fill a batch up are none."""
    tokens: int


@dataclass(frozen=True)
class PolicyLoss:
    """The loss of a batch, and what became of its tokens on the way there."""

    loss: torch.Tensor
    """() the batch's share of the loss of the step."""
    ratios: torch.Tensor
    """(B, T) or (B, 1), of the probabilities now and before; without a gradient."""
    clipped_low: torch.Tensor
    """(B, T) or (B, 1) bool: out of bounds below, so that the token is not learned from."""
    clipped_high: torch.Tensor
    """(B, T) or (B, 1) bool: out of bounds above."""


def step_size(mask: torch.Tensor) -> StepSize:
    """Of a step that is this one batch; of several, add theirs up. `mask` (B, T)."""
    return StepSize(int(mask.any(-1).sum()), int(mask.sum()))


def in_rows(values: torch.Tensor, targets: Targets, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Values (N,) of a batch's targets as (B, K), with the mask (B, K) of where they are."""
    places = (targets.rows, targets.places)
    shape = (rows, targets.columns.numel())
    mask = torch.zeros(shape, dtype=torch.bool, device=values.device)
    mask[places] = True
    return values.new_zeros(shape).index_put(places, values), mask
