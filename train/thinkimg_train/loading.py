"""A model to train, and how it is saved: whole, or as the adapter that LoRA trains beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import peft
import torch
import transformers
from transformers.integrations.deepspeed import unset_hf_deepspeed_config

from thinkimg_rpc.errors import CallerError, InvalidRequest
from thinkimg_train.config import LoraSection, ModelSection

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
Weights = Mapping[str, torch.Tensor]


def load_processor(path: str | Path) -> Any:
    """Raises: InvalidRequest, when there is none."""
    loader: Any = transformers.AutoProcessor
    try:
        return loader.from_pretrained(path)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise _not_loaded(path, error) from error


def load_model(section: ModelSection, lora: LoraSection, saved: Path | None = None) -> Any:
    """The model as it is trained: in training mode, what stays as it is without gradients.

    Args:
        saved: what `save_model` wrote of it; if None, training begins.
    Raises: InvalidRequest, when it cannot be loaded or lacks what is asked for.
    """
    whole = saved if saved and not lora.rank else section.path
    model = _pretrained(section, whole, quantize=lora.quantize if lora.rank else "no")
    model = _with_what_is_trained(model, section, lora, saved)
    if section.gradient_checkpointing:
        # With reentrant checkpoints, what is frozen below would cut the gradients off.
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return model.train()


def weightless_model(section: ModelSection, lora: LoraSection) -> Any:
    """The same without any weights, and without their memory.

    Raises: InvalidRequest.
    """
    loader: Any = transformers.AutoModelForImageTextToText
    try:
        config = transformers.AutoConfig.from_pretrained(section.path)
        with torch.device("meta"):
            model = loader.from_config(config, dtype=DTYPES[section.dtype])
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise _not_loaded(section.path, error) from error
    # Quantized weights cannot be made of none.
    return _with_what_is_trained(model, section, msgspec.structs.replace(lora, quantize="no"))


def save_model(model: Any, processor: Any, folder: Path, weights: Weights | None = None) -> None:
    """Write what `load_model` and, unless it is an adapter, plain `from_pretrained` reads.

    Args:
        weights: all of them, where the model itself holds a share only.
    """
    model.save_pretrained(folder, state_dict=None if weights is None else dict(weights))
    processor.save_pretrained(folder)


def save_merged(section: ModelSection, adapter: Path, folder: Path) -> None:
    """Write the model with an adapter's changes in its weights, as a model like any other."""
    # One process does this: with ZeRO-3, loading would wait for all the others.
    forget: Any = unset_hf_deepspeed_config  # it has no types
    forget()
    model = _pretrained(section, section.path, quantize="no")
    merged: Any = peft.PeftModel.from_pretrained(model, str(adapter))
    save_model(merged.merge_and_unload(), load_processor(adapter), folder)


def vision_tower(model: Any) -> torch.nn.Module:
    """What sees the images. Raises: InvalidRequest, when a family hides it."""
    tower: torch.nn.Module = model.get_encoder(modality="image")
    if tower is model or tower is model.base_model:
        raise InvalidRequest.field(
            "model.freeze_vision", f"{type(model).__name__} does not say what sees its images"
        )
    return tower


def trained_parameters(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _pretrained(section: ModelSection, path: str | Path, *, quantize: str) -> Any:
    loader: Any = transformers.AutoModelForImageTextToText
    dtype = DTYPES[section.dtype]
    more: dict[str, Any] = {}
    if quantize == "4bit":
        settings: Any = transformers.BitsAndBytesConfig
        more["quantization_config"] = settings(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    try:
        model = loader.from_pretrained(
            path, dtype=dtype, attn_implementation=section.attention, **more
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise _not_loaded(path, error) from error
    # Saving takes back the renamings that loading did. With ZeRO-3 transformers keeps those
    # that it did not do as well, and would save weights under names that nobody knows.
    done = [one for one in getattr(model, "_weight_conversions", None) or () if one.was_used()]
    model._weight_conversions = done
    return model


def _with_what_is_trained(
    model: Any, section: ModelSection, lora: LoraSection, saved: Path | None = None
) -> Any:
    """What stays as it is without gradients, and an adapter beside it if that is trained."""
    if section.freeze_vision:
        vision_tower(model).requires_grad_(False)
    return _with_adapter(model, section, lora, saved) if lora.rank else model


def _with_adapter(model: Any, section: ModelSection, lora: LoraSection, saved: Path | None) -> Any:
    if lora.quantize != "no":
        prepare: Any = peft.prepare_model_for_kbit_training
        model = prepare(model, use_gradient_checkpointing=False)
    if saved:
        return peft.PeftModel.from_pretrained(model, str(saved), is_trainable=True)
    excluded = [_name_of(vision_tower(model), model)] if section.freeze_vision else []
    settings: Any = peft.LoraConfig
    settings = settings(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets) or "all-linear",
        exclude_modules="|".join(rf"(.*\.)?{name}\..*" for name in excluded) or None,
    )
    try:
        return peft.get_peft_model(model, settings)
    except ValueError as error:
        raise InvalidRequest.field("lora.targets", str(error)) from error


def _name_of(part: torch.nn.Module, model: torch.nn.Module) -> str:
    names: dict[int, str] = {id(module): name for name, module in model.named_modules()}
    return names[id(part)]


def _not_loaded(path: str | Path, error: Exception) -> CallerError:
    first = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return InvalidRequest.field("model.path", f"{path} cannot be loaded: {first}")
