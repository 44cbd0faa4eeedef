"""How far apart two policies are, judged by tokens that one of them sampled."""

from __future__ import annotations

import torch


def k3(sampled_logprobs: torch.Tensor, other_logprobs: torch.Tensor) -> torch.Tensor:
    """KL(sampled || other) token by token: e^d - d - 1 with d = log p_other - log p_sampled.

    Never negative, and without bias where the tokens were drawn from the first policy
    (DeepSeekMath, arXiv 2402.03300, equation 4; Schulman, "Approximating KL Divergence").
    Shapes are those of the arguments.
    """
    apart = other_logprobs - sampled_logprobs
    return torch.expm1(apart) - apart
