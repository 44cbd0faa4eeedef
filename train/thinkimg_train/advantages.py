"""How much better an episode went than the others of its group: what policies learn from.

All functions take `rewards` (..., G), of G episodes for each question, and `kept`
(..., G) bool. An episode that is not kept, as one that a broken tool ended, is not in
its group: whatever its reward is (NaN too), it changes no advantage and has 0 itself.
So has the only one that is left of a group, which can be compared with nothing.
Advantages come back as (..., G) in float32; they are computed in float64.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

Advantages = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

STD_FLOOR = 1e-4
"""Added to the standard deviation of a group, for groups that hardly differ."""
SAME = 1e-6
"""Rewards no further apart than this are the same: what differs is how sums were rounded."""


def centred(rewards: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """A_i = r_i - mean(r): GRPO without the division (Dr. GRPO, arXiv 2503.20783, section 3).

    Groups count as much as their rewards differ, and all questions are of one scale.
    """
    return _from_mean(rewards, kept).float()


def standardized(rewards: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """A_i = (r_i - mean(r)) / (std(r) + 1e-4): GRPO.

    DeepSeekMath, arXiv 2402.03300, section 4.1.2. The standard deviation is that of a sample,
    with n - 1. Groups in which nearly all went alike, those of easy and of hard questions,
    count more than with `centred`.
    """
    apart = _from_mean(rewards, kept)
    others = (kept.sum(-1, keepdim=True) - 1).clamp(min=1)
    deviation = (apart.square().sum(-1, keepdim=True) / others).sqrt()
    return (apart / (deviation + STD_FLOOR)).float()


def leave_one_out(rewards: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """A_i = r_i - mean of all others' r: RLOO (arXiv 2402.14740).

    The baseline of an episode does not depend on its own reward, so the gradient has no
    bias; with n episodes it is `centred` times n / (n - 1).
    """
    count = kept.sum(-1, keepdim=True)
    return (_from_mean(rewards, kept) * count / (count - 1).clamp(min=1)).float()


ADVANTAGES: dict[str, Advantages] = {
    "centred": centred,
    "standardized": standardized,
    "leave_one_out": leave_one_out,
}
"""By the name that a configuration has for them."""


def can_teach(rewards: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """(...) bool: the groups whose kept rewards differ; all advantages of the others are 0.

    Dynamic sampling asks further questions in place of those others (DAPO, arXiv
    2503.14476, equation 11).
    """
    none = torch.finfo(torch.float64).max
    values = rewards.double()
    highest = torch.where(kept, values, -none).amax(-1)
    lowest = torch.where(kept, values, none).amin(-1)
    return highest - lowest > SAME


def _from_mean(rewards: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """(..., G) float64; exactly 0 where a group teaches nothing."""
    counted = kept & can_teach(rewards, kept).unsqueeze(-1)
    values = torch.where(kept, rewards.double(), 0.0)
    mean = values.sum(-1, keepdim=True) / kept.sum(-1, keepdim=True).clamp(min=1)
    return torch.where(counted, values - mean, 0.0)
