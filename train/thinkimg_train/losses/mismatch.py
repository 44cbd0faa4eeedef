"""Samplers and trainers compute the same model's probabilities, but not to the same digit."""

from __future__ import annotations

import torch

from thinkimg_train.losses.settings import MismatchSection


def truncated_weights(
    trainer_logprobs: torch.Tensor,
    sampler_logprobs: torch.Tensor,
    mask: torch.Tensor,
    settings: MismatchSection,
) -> torch.Tensor | None:
    """min(p_trainer / p_sampler, cap): truncated importance sampling.

    What was drawn by one engine is weighted as if the other had drawn it; without this,
    learning from a fast sampler is quietly off-policy (Yao et al. 2025, "Your Efficient
    RL Framework Secretly Brings You Off-Policy RL Training"; truncation as in Ionides
    2008). A token of which the sampler gave no probability (NaN) counts as equal.

    Args:
        trainer_logprobs: (B, T) by the policy that sampled, in the trainer's numbers.
        sampler_logprobs: (B, T) as the sampler gave them.
        mask: (B, T) bool.

    Returns:
        (B, T) by token, (B, 1) by sequence, without a gradient; None if there is no correction.
    """
    if settings.level == "no":
        return None
    apart = log_mismatch(trainer_logprobs, sampler_logprobs, mask)
    if settings.level == "sequence":
        apart = apart.sum(-1, keepdim=True)
    return apart.exp().clamp(max=settings.cap)


def log_mismatch(
    trainer_logprobs: torch.Tensor, sampler_logprobs: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """(B, T) log p_trainer - log p_sampler without a gradient; 0 where nothing is known."""
    apart = trainer_logprobs.detach() - sampler_logprobs
    return torch.where(mask & ~apart.isnan(), apart, 0.0)
