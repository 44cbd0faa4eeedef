"""What a model's training takes of memory and time, reckoned before it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from thinkimg_train.loading import trained_parameters

GIB = 1 << 30
H100_FLOPS = 989e12
"""A second, of products of dense matrices in bfloat16 (data sheet)."""
_REACHED = 0.4
"""Of a device's fastest, in training (PaLM, arXiv 2204.02311, table 3, reaches 0.46)."""
_PER_LAYER = 17
"""Numbers that a layer keeps of each token for its backward pass, times the width of the model
(Korthikanti et al., arXiv 2205.05198, equation 2, without the attention scores)."""
_SCORES = 3
"""Numbers kept for each score: itself, its logarithm, its gradient."""


@dataclass(frozen=True)
class Size:
    """What of a model decides what its training takes."""

    parameters: int
    weights_bytes: int
    trained: int
    trained_bytes: int
    width: int
    layers: int
    vocabulary: int


def size_of(model: Any, *, four_bits: bool = False) -> Size:
    """Of a model on any device, the meta device included.

    Args:
        four_bits: that what is not trained will be in NF4, with its scales.
    """
    trained = trained_parameters(model)
    text = model.config.get_text_config()
    every = list(model.parameters())
    kept = sum(one.nbytes for one in every) - sum(one.nbytes for one in trained)
    if four_bits:
        kept = int(0.56 * (sum(map(_count, every)) - sum(map(_count, trained))))
    trained_bytes = sum(one.nbytes for one in trained)
    return Size(
        parameters=sum(map(_count, every)),
        weights_bytes=kept + trained_bytes,
        trained=sum(map(_count, trained)),
        trained_bytes=trained_bytes,
        width=text.hidden_size,
        layers=text.num_hidden_layers,
        vocabulary=text.vocab_size,
    )


@dataclass(frozen=True)
class Training:
    """What of a configuration decides what a step takes."""

    processes: int
    pass_tokens: int
    """Of one forward."""
    bf16: bool
    """Whether products are in bfloat16."""
    checkpointed: bool
    deepspeed: Mapping[str, Any]
    """Its configuration; empty: without."""
    copies: int = 0
    """Of the model, beside the one that is trained."""

    @property
    def zero_stage(self) -> int:
        return int(self._zero.get("stage", 0))

    @property
    def offloads(self) -> bool:
        return "offload_optimizer" in self._zero

    @property
    def _zero(self) -> Mapping[str, Any]:
        zero: Mapping[str, Any] = self.deepspeed.get("zero_optimization", {})
        return zero


def memory_of(size: Size, training: Training) -> dict[str, int]:
    """The bytes that one process takes, by what for; a pass that is full, and all of it scored."""
    stage, processes = training.zero_stage, training.processes
    weights, gradients, optimizer = size.weights_bytes, size.trained_bytes, 2 * size.trained_bytes
    if training.deepspeed and training.bf16:
        # It trains a copy in float32 of weights in bfloat16.
        weights, gradients, optimizer = 2 * size.parameters, 2 * size.trained, 12 * size.trained
    number = 2 if training.bf16 or size.weights_bytes < 3 * size.parameters else 4
    kept = training.pass_tokens * size.width * size.layers
    whole_layers = _PER_LAYER * (1 if training.checkpointed else size.layers)
    return {
        "weights": weights // (processes if stage == 3 else 1),
        "gradients": gradients // (processes if stage >= 2 else 1),
        "optimizer": optimizer // (processes if stage >= 1 else 1),
        "reference": training.copies * size.weights_bytes,
        "activations": number * (kept + whole_layers * training.pass_tokens * size.width),
        "scores": 4 * _SCORES * training.pass_tokens * size.vocabulary,
    }


def compute_of(size: Size, *, learned: float, written: float = 0.0, checkpointed: bool) -> float:
    """Floating-point operations for so many tokens (Kaplan et al., arXiv 2001.08361, table 1).

    Args:
        learned: tokens that go forward and backward.
        written: tokens that are read or written by a policy beside that.
    """
    return size.parameters * ((8 if checkpointed else 6) * learned + 2 * written)


def seconds_for(operations: float, processes: int, flops: float) -> float:
    """On devices of so many operations a second, as training uses them."""
    return operations / (processes * flops * _REACHED)


def _count(parameter: Any) -> int:
    return int(parameter.numel())
