"""All weights of a model in training, whole and with what an adapter changes in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import peft
import torch
from peft.tuners.lora import LoraLayer
from peft.utils.integrations import dequantize_module_weight


def merged_weights(model: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """Each weight under the name that it has in the model without an adapter.

    The model stays as it is: merging into its own weights and taking it back would leave
    them a little off after every step. With ZeRO-3 all processes go through all weights
    together; a tensor is whole until the next one is asked for.
    """
    inner = model.get_base_model() if isinstance(model, peft.PeftModel) else model
    seen: set[int] = set()
    for prefix, module in inner.named_modules():
        if isinstance(module, LoraLayer):
            yield from _merged(prefix, module)
            continue
        if _belongs_to_adapter(prefix):
            continue
        own = [*module.named_parameters(recurse=False), *_saved_buffers(module)]
        # Tied weights are one.
        own = [(name, one) for name, one in own if id(one) not in seen]
        seen.update(id(one) for _, one in own)
        with _whole([one for _, one in own]), torch.no_grad():
            for name, one in own:
                yield f"{prefix}.{name}".lstrip("."), one.detach()


def _merged(prefix: str, layer: Any) -> Iterator[tuple[str, torch.Tensor]]:
    base = layer.get_base_layer()
    with _whole(list(layer.parameters())), torch.no_grad():
        weight = dequantize_module_weight(base)
        # Added up in the finer of the two's digits, as a trainer's forward pass nearly does.
        whole = weight.detach().clone()
        for adapter in layer.active_adapters:
            delta = layer.get_delta_weight(adapter)
            whole = (whole.to(delta.dtype) + delta).to(weight.dtype)
        yield f"{prefix}.weight", whole
        if base.bias is not None:
            yield f"{prefix}.bias", base.bias.detach()


def _belongs_to_adapter(prefix: str) -> bool:
    """Whether it is inside of a layer that has one, which was taken as a whole."""
    return "base_layer" in prefix.split(".") or ".lora_" in prefix


def _saved_buffers(module: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    left_out = module._non_persistent_buffers_set
    return [
        (name, one)
        for name, one in module.named_buffers(recurse=False)
        if name not in left_out and one is not None
    ]


def _whole(parameters: Sequence[torch.Tensor]) -> AbstractContextManager[Any]:
    """ZeRO-3 keeps a share of each weight only; in here they are whole."""
    if not any(hasattr(one, "ds_id") for one in parameters):
        return nullcontext()
    import deepspeed

    gathered: AbstractContextManager[Any] = deepspeed.zero.GatheredParameters(list(parameters))
    return gathered
