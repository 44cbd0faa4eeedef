"""How much more probable the policy makes now what it has sampled before."""

from __future__ import annotations

import torch

from thinkimg_train.losses.policy_batch import PolicyBatch


def token_ratios(batch: PolicyBatch) -> torch.Tensor:
    """(B, T): r_t = p(token t) / p_old(token t); 1 outside the mask."""
    return _log_ratios(batch).exp()


def sequence_ratios(batch: PolicyBatch) -> torch.Tensor:
    """(B, 1): the geometric mean of a sequence's token ratios.

    s = (p(y) / p_old(y)) ^ (1 / |y|): GSPO (arXiv 2507.18071, equation 7).
    """
    count = batch.mask.sum(-1, keepdim=True).clamp(min=1)
    return (_log_ratios(batch).sum(-1, keepdim=True) / count).exp()


def _log_ratios(batch: PolicyBatch) -> torch.Tensor:
    return torch.where(batch.mask, batch.logprobs - batch.old_logprobs, 0.0)
