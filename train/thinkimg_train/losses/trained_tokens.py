"""Log-probabilities of the tokens that a batch trains on, and of no others."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional


@dataclass(frozen=True)
class Targets:
    """Which tokens are trained on, as indexes, which a GPU need not be asked for.

    The token in column t is predicted by the scores of column t - 1. Scores are made
    only of columns that predict something in some row: for the prompts and what tools
    wrote, the largest matrix of a small model's pass is left out.
    """

    columns: torch.Tensor
    """(K,) columns whose scores are needed, ascending."""
    rows: torch.Tensor
    """(N,) of each trained token, row by row."""
    places: torch.Tensor
    """(N,) of each trained token: where the scores that predict it are in `columns`."""
    ids: torch.Tensor
    """(N,) the trained tokens."""

    @property
    def count(self) -> int:
        return self.ids.numel()

    def to(self, device: torch.device) -> Targets:
        def placed(value: torch.Tensor) -> torch.Tensor:
            return value.to(device, non_blocking=True)

        return Targets(*map(placed, (self.columns, self.rows, self.places, self.ids)))


def targets_of(input_ids: torch.Tensor, trained: torch.Tensor) -> Targets:
    """The targets of a batch: `input_ids` (B, L), `trained` (B, L) bool, both on the CPU.

    The first token of a row follows nothing and is never a target.
    """
    wanted = trained[:, 1:]
    columns = wanted.any(dim=0).nonzero()[:, 0]
    rows, places = wanted[:, columns].nonzero(as_tuple=True)
    return Targets(columns, rows, places, input_ids[:, 1:][rows, columns[places]])


def trained_logprobs(
    model: torch.nn.Module, inputs: Mapping[str, torch.Tensor], targets: Targets
) -> torch.Tensor:
    """(N,) log-probabilities, in float32, of the targets in the model's view of `inputs`."""
    return logprobs_of(trained_scores(model, inputs, targets), targets)


def trained_scores(
    model: torch.nn.Module, inputs: Mapping[str, torch.Tensor], targets: Targets
) -> torch.Tensor:
    """(N, V) the scores that each target is predicted by, in the model's own numbers."""
    scores, places = _scores(model, inputs, targets)
    chosen: torch.Tensor = scores[targets.rows, places]
    return chosen


def logprobs_of(scores: torch.Tensor, targets: Targets) -> torch.Tensor:
    """(N,) log-probabilities, in float32, of the targets by their scores (N, V)."""
    return -functional.cross_entropy(scores.float(), targets.ids, reduction="none")


def sum_loss(logprobs: torch.Tensor, count: int | torch.Tensor) -> torch.Tensor:
    """The share that some tokens have in a step's loss: the mean over all `count` of them."""
    return -logprobs.sum() / count


def _scores(
    model: torch.nn.Module, inputs: Mapping[str, torch.Tensor], targets: Targets
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores (B, K, V), or (B, L, V) of a model that cannot leave any out, and where in them
    each target's are."""
    if _can_leave_out(model):
        made: Any = model(**inputs, use_cache=False, logits_to_keep=targets.columns)
        return made.logits, targets.places
    made = model(**inputs, use_cache=False)
    return made.logits, targets.columns[targets.places]


def _can_leave_out(model: torch.nn.Module) -> bool:
    """Whether the innermost model, within whatever trains it, takes the columns to keep."""
    inner: Any = model
    while hasattr(inner, "module"):
        inner = inner.module
    if hasattr(inner, "get_base_model"):
        inner = inner.get_base_model()
    return "logits_to_keep" in inspect.signature(inner.forward).parameters
