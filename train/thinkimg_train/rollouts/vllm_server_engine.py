"""Rollouts played by a vLLM server of its own process, on this machine or another."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from pathlib import Path

from thinkimg_agent.policies.local_sampling import LocalSampling
from thinkimg_agent.policies.policy import PolicyFault
from thinkimg_agent.policies.vllm_server import VllmServerPolicy
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.grpo_config import RolloutSection
from thinkimg_train.rollouts.engines import NamedWeights, Trained
from thinkimg_train.rollouts.vllm_engine import VllmEngine, process_rank

_LOOK_EVERY_S = 0.2
_LONGEST_WAIT_S = 1800.0


class SharedServer:
    """A server that several processes train with: one of them hands the weights over."""

    def __init__(self, policy: VllmServerPolicy) -> None:
        self.policy = policy

    def policy_for(self, seed: int) -> VllmServerPolicy:
        return self.policy

    async def follow(self, weights: NamedWeights, step: int) -> None:
        # Processes that share the weights gather them together, whoever needs them.
        deque(weights(), maxlen=0)
        try:
            async with asyncio.timeout(_LONGEST_WAIT_S):
                # The server has no event for it.
                while await self.policy.weight_version() != str(step):  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError as late:
            raise PolicyFault(f"{self.policy.name} did not take the weights of {step}") from late

    async def close(self) -> None:
        await self.policy.__aexit__(None, None, None)


async def open_vllm_server(section: RolloutSection, trained: Trained) -> VllmEngine | SharedServer:
    """Find the server that is to play.

    Raises: InvalidRequest; PolicyFault, when it is none or not started as it must be.
    """
    if not section.base_url:
        raise InvalidRequest.field(
            "rollout.base_url", "vllm-server needs one, such as http://127.0.0.1:8000"
        )
    folder = Path(section.vllm.weights_folder)
    if not folder.is_absolute():
        raise InvalidRequest.field(
            "rollout.vllm.weights_folder",
            "vllm-server needs one, whole from /, that it sees too: below /dev/shm if it runs on "
            "this machine, else on a disk that both share",
        )
    policy = VllmServerPolicy(
        trained.path,
        base_url=section.base_url,
        api_key=os.environ.get("VLLM_API_KEY"),
        sampling=LocalSampling(section.temperature),
        max_image_pixels=section.max_image_pixels,
    )
    await policy.__aenter__()
    if process_rank() > 0:
        return SharedServer(policy)
    return VllmEngine(policy, trained.module, folder)
