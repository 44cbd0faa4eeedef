"""Log-probabilities of the tokens that a batch trains on, and of no others."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

_CAUSAL = (
    *("qwen2_vl_text", "qwen2_5_vl_text", "qwen3_vl_text", "qwen2", "qwen3"),
    *("llama", "mistral"),
)
"""Language models in which no token looks at a later one, whatever it stands for."""


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
    inner = _innermost(model)
    if _needs_no_mask(inner):
        inputs = {name: value for name, value in inputs.items() if name != "attention_mask"}
    if "logits_to_keep" in inspect.signature(inner.forward).parameters:
        made: Any = model(**inputs, use_cache=False, logits_to_keep=targets.columns)
        return made.logits, targets.places
    made = model(**inputs, use_cache=False)
    return made.logits, targets.columns[targets.places]


def _innermost(model: torch.nn.Module) -> Any:
    """The model itself, within whatever trains it."""
    inner: Any = model
    while hasattr(inner, "module"):
        inner = inner.module
    return inner.get_base_model() if hasattr(inner, "get_base_model") else inner


def _needs_no_mask(inner: Any) -> bool:
    """Whether nothing looks at what rows are filled up with, on their right.

    In causal attention nothing does, and without a mask torch's SDPA takes kernels that leave
    out the half above the diagonal. Flash attention leaves out padding by the mask.
    """
    config = getattr(inner, "config", None)
    if config is None or config._attn_implementation != "sdpa":
        return False
    return config.get_text_config().model_type in _CAUSAL
