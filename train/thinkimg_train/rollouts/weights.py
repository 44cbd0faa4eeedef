"""A model's weights by name, as engines beside the trainer load them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from peft.tuners.lora import LoraLayer

_INSIDE = ".base_layer"


def named_weights(model: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """All weights with the names of the model itself; of an adapter, what it makes of them.

    Merged weights are made one after the other, and the model's own stay as they are: adding
    an adapter and taking it off again would leave them a little different every time.

    Args:
        model: of transformers, or the peft model around it, all of it in this process.
    """
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    adapted = {
        name: module for name, module in inner.named_modules() if isinstance(module, LoraLayer)
    }
    for name, weight in inner.named_parameters():
        if ".lora_" in name:
            continue
        layer = adapted.get(name.partition(_INSIDE)[0])
        if layer is not None and name.endswith(f"{_INSIDE}.weight"):
            yield name.replace(_INSIDE, ""), _merged(layer, weight)
        else:
            yield name.replace(_INSIDE, ""), weight.detach()


def _merged(layer: Any, weight: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        merged = weight.detach().clone()
        for adapter in layer.active_adapters:
            merged += layer.get_delta_weight(adapter).to(merged.dtype)
        return merged
