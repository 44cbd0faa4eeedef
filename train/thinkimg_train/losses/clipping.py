"""What of a ratio and an advantage is to be made larger, and where it is let be."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from thinkimg_train.losses.policy_batch import PolicyBatch
from thinkimg_train.losses.settings import LossSection


@dataclass(frozen=True)
class Gain:
    """What a step is after, token by token or sequence by sequence."""

    values: torch.Tensor
    """(B, T) or (B, 1), with a gradient; larger is better."""
    low: torch.Tensor
    """bool, of the same shape: clipped at the lower bound."""
    high: torch.Tensor
    """bool, of the same shape: clipped at the upper bound."""


def clipped_gain(ratios: torch.Tensor, advantages: torch.Tensor, settings: LossSection) -> Gain:
    """min(r A, clip(r, 1 - low, 1 + high) A): PPO (arXiv 1707.06347, equation 7).

    With bounds of their own for each side it is clip-higher (DAPO, arXiv 2503.14476,
    equation 10). With `ratio_limit`, min(r, limit) stands for the first r, which bounds
    what an unwanted token that became frequent can do (INTELLECT-2, arXiv 2505.07291,
    section on two-sided clipping).

    Args:
        ratios: (B, T), or (B, 1) for whole sequences.
        advantages: (B,)
    """
    advantage = advantages.unsqueeze(-1)
    lower, upper = 1 - settings.clip_low, 1 + settings.clip_high
    limited = ratios if settings.ratio_limit is None else ratios.clamp(max=settings.ratio_limit)
    values = torch.min(limited * advantage, ratios.clamp(lower, upper) * advantage)
    fixed = ratios.detach()
    high = (fixed > upper) & (advantage > 0)
    if settings.ratio_limit is not None:
        high |= (fixed > settings.ratio_limit) & (advantage < 0)
    return Gain(values, (fixed < lower) & (advantage < 0), high)


def weighted_gain(ratios: torch.Tensor, batch: PolicyBatch, settings: LossSection) -> Gain:
    """stop(min(r, 1 + high)) A log p: CISPO (MiniMax-M1, arXiv 2506.13585, equations 4 and 5).

    What is clipped is the weight of a token and not the token: rare ones, on which the
    course of a thought turns, are always learned from. There is no lower bound, as in
    the paper's own runs.
    """
    upper = 1 + settings.clip_high
    fixed = ratios.detach()
    logprobs = torch.where(batch.mask, batch.logprobs, 0.0)
    values = fixed.clamp(max=upper) * batch.advantages.unsqueeze(-1) * logprobs
    high = (fixed > upper) & (batch.advantages != 0).unsqueeze(-1)
    return Gain(values, torch.zeros_like(high), high)
