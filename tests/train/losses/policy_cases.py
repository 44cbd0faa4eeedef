"""Batches of sampled tokens with known probabilities."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from thinkimg_train.losses.policy_batch import PolicyBatch


def random_batch(
    seed: int, episodes: int = 5, columns: int = 11, *, reference: bool = False, apart: float = 0.4
) -> PolicyBatch:
    """Episodes of several turns, with holes in their masks; `apart` from the old policy."""
    random = torch.Generator().manual_seed(seed)

    def some(scale: float) -> torch.Tensor:
        return scale * torch.randn(episodes, columns, generator=random)

    logprobs = -3 * torch.rand(episodes, columns, generator=random)
    mask = torch.rand(episodes, columns, generator=random) < 0.6
    mask[:, 0] = True
    return PolicyBatch(
        logprobs=logprobs.requires_grad_(),
        old_logprobs=logprobs.detach() + some(apart),
        mask=mask,
        advantages=torch.randn(episodes, generator=random),
        reference_logprobs=logprobs.detach() + some(apart) if reference else None,
    )


def changed(batch: PolicyBatch, **values: Any) -> PolicyBatch:
    return dataclasses.replace(batch, **values)


def with_leaf(batch: PolicyBatch) -> PolicyBatch:
    """The same batch, with a gradient of its own."""
    return changed(batch, logprobs=batch.logprobs.detach().clone().requires_grad_())


def gradient(loss: torch.Tensor, batch: PolicyBatch) -> torch.Tensor:
    (found,) = torch.autograd.grad(loss, batch.logprobs)
    return found
