"""How undecided a policy is: the entropy of what it could have written, in nats."""

from __future__ import annotations

from typing import Any

import torch

ROWS_AT_ONCE = 256
"""Of scores: with 150,000 words in a vocabulary, 150 MB in float32."""


def token_entropies(scores: torch.Tensor, rows_at_once: int = ROWS_AT_ONCE) -> torch.Tensor:
    """(N,) in float32, -sum p log p, of scores (N, V) in whatever numbers.

    Only a few rows at once are made into probabilities, forwards and backwards: all of
    them in float32 would take more memory than all else of a small model's step.
    """
    entropies: torch.Tensor = _Entropies.apply(scores, rows_at_once)
    return entropies


class _Entropies(torch.autograd.Function):
    """dH / d score_v = -p_v (log p_v + H)."""

    @staticmethod
    def forward(ctx: Any, scores: torch.Tensor, rows_at_once: int) -> torch.Tensor:
        entropies = torch.empty(scores.shape[0], device=scores.device)
        for rows in _slices(scores, rows_at_once):
            logs = scores[rows].float().log_softmax(-1)
            entropies[rows] = -_expected(logs, logs)
        ctx.save_for_backward(scores, entropies)
        ctx.rows_at_once = rows_at_once
        return entropies

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        (gradient,) = gradients
        scores, entropies = ctx.saved_tensors
        wanted = torch.empty_like(scores)
        for rows in _slices(scores, ctx.rows_at_once):
            logs = scores[rows].float().log_softmax(-1)
            slope = _times(logs, logs + entropies[rows, None])
            wanted[rows] = (-gradient[rows, None] * slope).to(scores.dtype)
        return wanted, None


def _expected(logs: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return _times(logs, values).sum(-1)


def _times(logs: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """p × value, with 0 where p is 0: a word that is ruled out has a value of minus infinity."""
    chances = logs.exp()
    return torch.where(chances > 0, chances * values, 0.0)


def _slices(scores: torch.Tensor, rows_at_once: int) -> list[slice]:
    return [slice(start, start + rows_at_once) for start in range(0, len(scores), rows_at_once)]
