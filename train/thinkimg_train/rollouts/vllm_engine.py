"""Rollouts played by vLLM, in this process or on a server, with the trainer's weights.

The weights go through files that vLLM reloads in place; see `VllmPolicy.take_weights`.
vLLM in this process takes turns on its device with the trainer, with a share of the
memory of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import torch

from thinkimg_agent.policies.local_sampling import LocalSampling
from thinkimg_agent.policies.policy import Policy
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.grpo_config import RolloutSection
from thinkimg_train.rollouts.engines import NamedWeights, Trained
from thinkimg_train.rollouts.weights_folder import choose_folder, write_weights


class TakesWeights(Policy, Protocol):
    """A policy of vLLM, wherever it runs."""

    async def take_weights(self, folder: Path, version: str) -> None: ...

    async def __aexit__(self, *raised: Any) -> None: ...


class VllmEngine:
    """A policy of vLLM that follows a trainer.

    Args:
        folder: where weights are laid for it.
    """

    def __init__(self, policy: TakesWeights, module: Any, folder: Path) -> None:
        self.policy = policy
        self._module = module
        self._folder = folder

    def policy_for(self, seed: int) -> Policy:
        """The policy itself: vLLM computes a turn a little differently with every neighbour,
        so that a seed would not bring an episode back."""
        return self.policy

    async def follow(self, weights: NamedWeights, step: int) -> None:
        place = self._folder / f"step_{step:07d}"
        try:
            # On this thread: processes that share the weights gather them together.
            write_weights(place, weights(), self._module)
            await self.policy.take_weights(place, str(step))
        finally:
            shutil.rmtree(place, ignore_errors=True)

    async def close(self) -> None:
        await self.policy.__aexit__(None, None, None)
        shutil.rmtree(self._folder, ignore_errors=True)


async def open_vllm(section: RolloutSection, trained: Trained) -> VllmEngine:
    """Start vLLM beside this process, on the device of this process.

    Raises: InvalidRequest; PolicyFault.
    """
    if find_spec("vllm") is None:
        raise InvalidRequest.field(
            "rollout.engine", "vLLM is not installed: pip install 'thinkimg-rpc[train,vllm]'"
        )
    from thinkimg_agent.policies.vllm_engine import VllmPolicy

    settings = section.vllm
    policy = VllmPolicy(
        trained.path,
        sampling=LocalSampling(section.temperature, seed=trained.seed),
        max_image_pixels=section.max_image_pixels,
        max_model_len=settings.max_context or -1,
        gpu_memory_utilization=settings.memory_share,
        dtype=settings.dtype,
        enforce_eager=settings.eager,
    )
    with _one_device():
        await policy.__aenter__()
    nbytes = sum(one.nbytes for one in trained.module.parameters())
    return VllmEngine(policy, trained.module, choose_folder(nbytes))


def process_rank() -> int:
    """Which of the processes that train together this is."""
    distributed = torch.distributed
    return distributed.get_rank() if distributed.is_initialized() else 0


@contextmanager
def _one_device() -> Iterator[None]:
    """Processes started in here see the one GPU that this process computes on, if it does:
    vLLM would take the first, and so would that of every other process."""
    if not torch.cuda.is_available():
        yield
        return
    name = "CUDA_VISIBLE_DEVICES"
    before = os.environ.get(name)
    seen = before.split(",") if before else [str(n) for n in range(torch.cuda.device_count())]
    os.environ[name] = seen[int(os.environ.get("LOCAL_RANK", "0"))]
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
