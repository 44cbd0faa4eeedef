"""The small models that come along, as policies: `tiny:rl`."""

from __future__ import annotations

from pathlib import Path

from thinkimg_agent.policies.choice import PolicyOptions
from thinkimg_agent.policies.local_sampling import LocalSampling
from thinkimg_agent.policies.transformers_vlm import TransformersPolicy
from thinkimg_rpc.errors import InvalidRequest

WEIGHTS = Path(__file__).parent / "weights"
STAGES = {
    "rl": "after reinforcement learning with the tools",
    "sft": "after fine-tuning on the planner's episodes",
    "base": "before it has seen a tool call",
}
"""The last one first."""
MAX_IMAGE_PIXELS = 112 * 112
"""What they have learned to see: more would be of no use to them."""


def open_tiny(model: str, options: PolicyOptions) -> TransformersPolicy:
    """tiny:rl, tiny:sft or tiny:base, the small model that comes along; tiny: is the last.

    Raises: InvalidRequest, naming those that have come along; PolicyFault.
    """
    return TransformersPolicy(
        folder_of(model),
        sampling=LocalSampling(temperature=options.temperature, seed=options.seed),
        max_image_pixels=min(options.max_image_pixels, MAX_IMAGE_PIXELS),
    )


def folder_of(stage: str, weights: Path = WEIGHTS) -> Path:
    """Where a stage's model is; of no stage, that of the last one. Raises: InvalidRequest."""
    there = [name for name in STAGES if (weights / name / "config.json").exists()]
    stage = stage or next(iter(there), next(iter(STAGES)))
    if stage in there:
        return weights / stage
    known = f"there {'is' if len(there) == 1 else 'are'} {', '.join(there) or 'none'}"
    if stage not in STAGES:
        raise InvalidRequest.field("policy", f'"tiny:{stage}" is none; {known}')
    raise InvalidRequest.field(
        "policy",
        f'"tiny:{stage}", the model {STAGES[stage]}, has not come along yet; {known} '
        "(`make repro` makes all of them: transformers:FOLDER)",
    )
