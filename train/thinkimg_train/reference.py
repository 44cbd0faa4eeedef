"""The model that a policy is to stay close to: itself, as it was before it was trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from accelerate import Accelerator

from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.config import LoraSection
from thinkimg_train.distribution import Stepper, zero_stage
from thinkimg_train.grpo_config import GrpoConfig
from thinkimg_train.learning import Reference
from thinkimg_train.loading import load_model


def open_reference(
    config: GrpoConfig, accelerator: Accelerator, stepper: Stepper
) -> Reference | None:
    """None where no distance to it counts. With LoRA it is the model without its adapter.

    Raises: InvalidRequest.
    """
    if not config.loss.kl_weight:
        return None
    if config.lora.rank:
        return _without_adapter(stepper)
    if zero_stage(accelerator) == 3:
        raise InvalidRequest.field(
            "loss.kl_weight",
            "with ZeRO-3 there is no second model in a process: train with LoRA, or take zero2",
        )
    frozen = load_model(config.model, LoraSection()).requires_grad_(False).eval()
    frozen.to(accelerator.device)

    @contextmanager
    def copy() -> Iterator[Any]:
        yield frozen

    return copy


def _without_adapter(stepper: Stepper) -> Reference:
    @contextmanager
    def switched_off() -> Iterator[Any]:
        with stepper.inner_model.disable_adapter():
            yield stepper.model

    return switched_off
