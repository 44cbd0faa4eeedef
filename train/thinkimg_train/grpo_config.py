"""What a run of reinforcement learning is made of, as `--config FILE.toml` says it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from thinkimg_train.data_config import AtLeastOne

Positive = Annotated[float, msgspec.Meta(gt=0)]


class RolloutSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[rollout]`: the episodes of a step, and what plays them."""

    engine: Literal["transformers", "vllm", "vllm-server"] = "transformers"
    """transformers: the model that is trained itself. vllm: vLLM in this process; vllm-server:
    one that runs elsewhere. Both are given the weights after every step."""
    base_url: str = ""
    """Of vllm-server."""
    groups: AtLeastOne = 8
    """Questions of a step, of all processes together."""
    group_size: Annotated[int, msgspec.Meta(ge=2)] = 8
    """Episodes of each question."""
    temperature: Positive = 1.0
    max_image_pixels: AtLeastOne = 1 << 20
    """The most that the policy is shown of one image; the tools see all of it."""
    dialect: str = "hermes"
    coordinates: str = "thousandths"
    batch: AtLeastOne = 32
    """Turns that transformers writes in one pass."""
