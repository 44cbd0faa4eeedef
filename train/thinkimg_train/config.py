"""What a training run is made of, as `--config FILE.toml` and `--section.field value` say it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from thinkimg_train.data_config import AtLeastOne, BatchSection, Count, DataSection, Share

NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class ModelSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[model]`: what is trained."""

    path: str
    """A folder, or a name in the Hugging Face cache."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the weights, also while they are trained; what LoRA adds is always float32."""
    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"
    freeze_vision: bool = False
    """Leave what sees the images as it is."""
    gradient_checkpointing: bool = False
    """Compute parts of the forward pass twice, for less memory."""


class LoraSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[lora]`: train small matrices beside the weights, and leave the weights as they are."""

    rank: Count = 0
    """0: no LoRA, all weights are trained."""
    alpha: NotNegative = 32.0
    dropout: Share = 0.0
    targets: tuple[str, ...] = ()
    """Names of linear layers; if left out, all but the last one."""
    quantize: Literal["no", "4bit"] = "no"
    """4bit: QLoRA, the weights in NF4 of bitsandbytes."""


class OptimizerSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[optimizer]`: AdamW."""

    beta1: Share = 0.9
    beta2: Share = 0.999
    epsilon: NotNegative = 1e-8
    weight_decay: NotNegative = 0.0
    """Of matrices; biases and norms have none."""
    max_gradient_norm: NotNegative = 1.0
    """Longer gradients are shortened to this; 0: none are."""


class ScheduleSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[schedule]`: how long, and the learning rate on the way."""

    epochs: NotNegative = 1.0
    steps: AtLeastOne | None = None
    """Instead of `epochs`."""
    learning_rate: NotNegative = 1e-5
    kind: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_share: Share = 0.03
    warmup_steps: Count | None = None
    """Instead of `warmup_share`."""
    final_share: Share = 0.0
    """Of the peak, at the end."""


class PrecisionSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[precision]`: what is computed in which numbers."""

    autocast: Literal["no", "bf16"] = "no"
    """bf16: matrix products in bfloat16, whatever the weights are kept in."""
    tf32: bool = True
    """Products of float32 matrices in TF32 on GPUs that have it."""


class DeepspeedSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[deepspeed]`: share out optimizer states, gradients and weights among processes."""

    config: str = ""
    """A JSON file of deepspeed's, or the name of a shipped one: zero2, zero2-offload, zero3,
    zero3-offload. Empty: without deepspeed."""


class EvaluationSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[evaluation]`: questions that checkpoints answer on the way."""

    every_steps: Count = 0
    """0: never. A step that is evaluated is kept as a checkpoint too."""
    run: dict[str, Any] = {}
    """As in the file of `thinkimg eval run`, without its policy's name: that is the checkpoint;
    and without its folder."""


class CheckpointSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[checkpoint]`: what a run that was broken off goes on from."""

    every_steps: Count = 500
    """0: only the last step's."""
    keep: AtLeastOne = 2
    """The newest so many."""


class LogSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[log]`: where to see how it goes."""

    every_steps: AtLeastOne = 1
    tensorboard: bool = True
    wandb_project: str = ""
    """Empty: no Weights & Biases."""


class SftConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Supervised fine-tuning of one model on one lot of data, into one folder."""

    out: Path
    seed: int = 0
    model: ModelSection
    data: DataSection
    batch: BatchSection = BatchSection()
    lora: LoraSection = LoraSection()
    optimizer: OptimizerSection = OptimizerSection()
    schedule: ScheduleSection = ScheduleSection()
    precision: PrecisionSection = PrecisionSection()
    deepspeed: DeepspeedSection = DeepspeedSection()
    evaluation: EvaluationSection = EvaluationSection()
    checkpoint: CheckpointSection = CheckpointSection()
    log: LogSection = LogSection()
