"""One training step, whatever processes and devices it is made by: accelerate and deepspeed.

A step is the mean over the trained tokens of all its batches, on all processes: how
they fall into batches changes nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
from accelerate import Accelerator, DeepSpeedPlugin, DistributedDataParallelKwargs
from accelerate.utils import DistributedType, InitProcessGroupKwargs, set_seed

from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.config import DeepspeedSection, OptimizerSection, PrecisionSection, SftConfig
from thinkimg_train.grpo_config import GrpoConfig

SHIPPED = Path(__file__).parent / "deepspeed"
_LONGEST_WAIT = timedelta(hours=12)
"""Of processes for another that evaluates or writes a checkpoint."""
_OPTIMIZER_STATE = "optimizer.pt"
_DEEPSPEED_STATE = "deepspeed"

B = TypeVar("B")
"""One batch, on the device."""


def accelerator_of(config: SftConfig | GrpoConfig) -> Accelerator:
    """That of a run, and the run's seed set on all its processes. Raises: InvalidRequest."""
    accelerator = open_accelerator(
        config.precision,
        config.deepspeed,
        max_gradient_norm=config.optimizer.max_gradient_norm,
        some_without_gradient=not config.model.freeze_vision,
    )
    set_seed(config.seed)
    return accelerator


def open_accelerator(
    precision: PrecisionSection,
    deepspeed: DeepspeedSection,
    *,
    max_gradient_norm: float,
    some_without_gradient: bool,
) -> Accelerator:
    """This process among those that train together.

    Args:
        some_without_gradient: that a batch may leave some of the weights without one, as those
            that see images where it has none.
    Raises: InvalidRequest.
    """
    on_cpu = not torch.cuda.is_available()
    torch.backends.cuda.matmul.allow_tf32 = precision.tf32
    torch.backends.cudnn.allow_tf32 = precision.tf32
    group: dict[str, Any] = {"timeout": _LONGEST_WAIT}
    if on_cpu and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        # Unless it is told so, accelerate begins deepspeed on CPUs as worlds of one process.
        group["backend"] = "gloo"
    plugin = None
    if deepspeed.config:
        if on_cpu:
            os.environ.setdefault("DS_ACCELERATOR", "cpu")
        plugin = DeepSpeedPlugin(hf_ds_config=deepspeed_config(deepspeed, max_gradient_norm))
    return Accelerator(
        cpu=on_cpu and plugin is None,
        # Without deepspeed the step itself says what is computed in which numbers: accelerate
        # would copy all scores into float32.
        mixed_precision=precision.autocast if plugin else "no",
        deepspeed_plugin=plugin,
        kwargs_handlers=[
            InitProcessGroupKwargs(**group),
            DistributedDataParallelKwargs(find_unused_parameters=some_without_gradient),
        ],
    )


def choose_device(device: torch.device) -> None:
    """Make it the one that this thread means where it names none: each begins with the first."""
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)


def deepspeed_config(section: DeepspeedSection, max_gradient_norm: float) -> dict[str, Any]:
    """What deepspeed is told. Raises: InvalidRequest."""
    shipped = SHIPPED / f"{section.config}.json"
    file = shipped if shipped.exists() else Path(section.config).expanduser()
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        there = ", ".join(sorted(path.stem for path in shipped.parent.glob("*.json")))
        raise InvalidRequest.field(
            "deepspeed.config", f"{file} cannot be read ({error}); shipped are {there}"
        ) from error
    for name in ("optimizer", "scheduler", "gradient_clipping"):
        if name in config:
            raise InvalidRequest.field(
                "deepspeed.config", f"take {name} out of {file}: [optimizer] and [schedule] say it"
            )
    return config | {
        # Batches are of any size, and a step's loss is weighted already.
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "gradient_clipping": max_gradient_norm,
    }


def zero_stage(accelerator: Accelerator) -> int:
    """How much deepspeed shares out; 0 without it."""
    plugin = accelerator.state.deepspeed_plugin
    return int(plugin.zero_stage) if plugin is not None else 0


def adamw(model: torch.nn.Module, section: OptimizerSection) -> torch.optim.Optimizer:
    """AdamW over what is trained; matrices decay, biases and norms do not."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in trained if parameter.ndim > 1]
    others = [parameter for parameter in trained if parameter.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": section.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=0.0,  # the schedule sets it before every step
        betas=(section.beta1, section.beta2),
        eps=section.epsilon,
        fused=torch.cuda.is_available() or None,
    )


class Stepper:
    """A model and its optimizer, over all processes."""

    def __init__(
        self,
        accelerator: Accelerator,
        model: Any,
        optimizer: torch.optim.Optimizer,
        *,
        autocast: str,
        max_gradient_norm: float,
    ) -> None:
        self._accelerator = accelerator
        self.model, self._optimizer = accelerator.prepare(model, optimizer)
        self._bf16 = autocast == "bf16" and not self._deepspeed
        self._max_gradient_norm = max_gradient_norm or float("inf")

    @property
    def inner_model(self) -> Any:
        """The model itself."""
        return self._accelerator.unwrap_model(self.model)

    @property
    def pixels(self) -> torch.dtype:
        """The type that the model takes pictures in."""
        if self._deepspeed and self._accelerator.mixed_precision == "bf16":
            return torch.bfloat16
        dtype: torch.dtype = self.inner_model.dtype
        return dtype

    def sum_over_all(self, value: torch.Tensor) -> torch.Tensor:
        """Of a number that each process has one of."""
        summed: torch.Tensor = self._accelerator.reduce(value, "sum")
        return summed

    def largest_over_all(self, values: torch.Tensor) -> torch.Tensor:
        """Element by element, of values that each process has."""
        gathered: torch.Tensor = self._accelerator.gather(values[None])
        return gathered.amax(0)

    @property
    def device(self) -> torch.device:
        device: torch.device = self._accelerator.device
        return device

    def placed(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What the model takes, on its device, pictures in its type."""
        pixels = self.pixels
        return {
            name: value.to(self.device, pixels if value.is_floating_point() else value.dtype)
            for name, value in inputs.items()
        }

    def step(
        self,
        batches: Iterable[tuple[B, bool]],
        loss_of: Callable[[Any, B], torch.Tensor],
        rate: float,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Make one step down a loss that is the sum of those of all batches of all processes.

        Args:
            batches: of this process, each with whether it is the last; all have as many.
        Returns: the sum of the losses of this process, and the length of the whole gradient.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        total = torch.zeros((), device=self._accelerator.device)
        for batch, last in batches:
            with self._shared(last):
                with self.autocast():
                    loss = loss_of(self.model, batch)
                total += loss.detach()
                # Gradients are averaged over processes, and are to be summed.
                self._accelerator.backward(loss * self._accelerator.num_processes)
        norm = self._clip()
        self._optimizer.step()
        self._optimizer.zero_grad()
        return total, norm

    def save(self, folder: Path) -> None:
        """Write the optimizer's state; all processes call it."""
        if self._deepspeed:
            self.model.save_checkpoint(str(folder), tag=_DEEPSPEED_STATE)
        elif self._accelerator.is_main_process:
            torch.save(self._optimizer.state_dict(), folder / _OPTIMIZER_STATE)

    def load(self, folder: Path) -> None:
        """Go on from what `save` wrote, as many processes as then."""
        if self._deepspeed:
            self.model.load_checkpoint(str(folder), tag=_DEEPSPEED_STATE)
        else:
            state = torch.load(folder / _OPTIMIZER_STATE, map_location="cpu", weights_only=True)
            self._optimizer.load_state_dict(state)

    def weights(self) -> dict[str, torch.Tensor] | None:
        """All of them, where the model itself may hold a share only; all processes call it."""
        if not self._deepspeed:
            return None
        whole: dict[str, torch.Tensor] = self._accelerator.get_state_dict(self.model)
        return whole

    @property
    def _deepspeed(self) -> bool:
        return bool(self._accelerator.distributed_type == DistributedType.DEEPSPEED)

    def _clip(self) -> torch.Tensor:
        parameters = [one for one in self.model.parameters() if one.requires_grad]
        norm = self._accelerator.clip_grad_norm_(parameters, self._max_gradient_norm)
        return torch.as_tensor(norm, device=self._accelerator.device)

    def _shared(self, last: bool) -> AbstractContextManager[Any]:
        """Gradients are summed over all processes once, with a step's last batch."""
        if self._deepspeed:
            self._accelerator.sync_gradients = last
            return nullcontext()
        return nullcontext() if last else self._accelerator.no_sync(self.model)

    def autocast(self) -> AbstractContextManager[Any]:
        """What all passes of the model are made in."""
        device = self._accelerator.device.type
        return torch.autocast(device, torch.bfloat16) if self._bf16 else nullcontext()
