"""Rollouts by the very model that is trained, in between its steps."""

from __future__ import annotations

from thinkimg_agent.policies.local_sampling import LocalSampling
from thinkimg_agent.policies.policy import Policy
from thinkimg_agent.policies.transformers_vlm import TransformersPolicy
from thinkimg_train.grpo_config import RolloutSection
from thinkimg_train.rollouts.engines import NamedWeights, Trained


class TransformersEngine:
    """There is one model only, so it always has the trainer's weights."""

    def __init__(self, policy: TransformersPolicy) -> None:
        self._policy = policy

    @property
    def policy(self) -> Policy:
        return self._policy

    def policy_for(self, seed: int) -> Policy:
        return self._policy.seeded(seed)

    async def follow(self, weights: NamedWeights, step: int) -> None:
        """The weights are these already."""

    async def close(self) -> None:
        await self._policy.__aexit__(None, None, None)


async def open_transformers(section: RolloutSection, trained: Trained) -> TransformersEngine:
    """Raises: PolicyFault."""
    module = trained.module
    policy = TransformersPolicy(
        trained.path,
        # Adapters work inside the model that they are of.
        module=module.get_base_model() if hasattr(module, "get_base_model") else module,
        sampling=LocalSampling(temperature=section.temperature, seed=trained.seed),
        max_batch=section.batch,
        max_image_pixels=section.max_image_pixels,
    )
    await policy.__aenter__()
    return TransformersEngine(policy)
