"""How the terms of tokens become the loss of a step: what counts alike, tokens or episodes.

`terms` (B, T), or (B, 1) for what is the same along a row; `mask` (B, T) bool. Each
returns a batch's share of the step, whose size is given.
"""

from __future__ import annotations

import torch

from thinkimg_train.losses.policy_batch import StepSize


def episode_mean(terms: torch.Tensor, mask: torch.Tensor, step: StepSize) -> torch.Tensor:
    """Episodes count alike, so a token of a long one counts less.

    mean over i of (1 / |o_i|) sum over t: GRPO (arXiv 2402.03300, equation 3).
    """
    lengths = mask.sum(-1).clamp(min=1)
    return (_counted(terms, mask).sum(-1) / lengths).sum() / max(1, step.episodes)


def constant_mean(
    terms: torch.Tensor, mask: torch.Tensor, step: StepSize, normal_tokens: int
) -> torch.Tensor:
    """Tokens count alike in all steps, whatever else is in them.

    mean over i of (1 / constant) sum over t: Dr. GRPO (arXiv 2503.20783, section 3.2).
    """
    return _counted(terms, mask).sum() / (max(1, step.episodes) * normal_tokens)


def token_mean(terms: torch.Tensor, mask: torch.Tensor, step: StepSize) -> torch.Tensor:
    """Tokens of a step count alike, so a long episode counts more.

    (1 / sum of |o_i|) sum over i and t: DAPO (arXiv 2503.14476, equation 12).
    """
    return _counted(terms, mask).sum() / max(1, step.tokens)


def _counted(terms: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return torch.where(mask, terms, 0.0)
