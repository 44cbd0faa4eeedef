"""Episodes that were cut off: what they were worth is not known."""

from __future__ import annotations

import torch


def without_overlong(mask: torch.Tensor, overlong: torch.Tensor) -> torch.Tensor:
    """(B, T) the mask of what is learned, without episodes that were cut off.

    Overlong filtering: a good thought that ran out of room must not be unlearned (DAPO,
    arXiv 2503.14476, section 3.4).

    Args:
        mask: (B, T) bool.
        overlong: (B,) bool.
    """
    return mask & ~overlong.unsqueeze(-1)


def soft_overlong_penalty(tokens: torch.Tensor, limit: int, margin: int) -> torch.Tensor:
    """0 down to -1 as a length comes near its limit: DAPO (arXiv 2503.14476, equation 13).

    0 up to `limit` - `margin` tokens, from there down in a straight line to -1 at `limit`,
    and -1 beyond. To be added to the reward.

    Args:
        tokens: (...) how long something is.
        limit: what is too long.
        margin: how far before that the penalty begins; 0: there is none up to the limit.
    """
    over = tokens.double() - (limit - margin)
    if margin == 0:
        return -(over > 0).float()
    return -(over / margin).clamp(0, 1).float()
