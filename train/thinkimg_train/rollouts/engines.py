"""What rollouts are played with: the model in this process, or vLLM beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from thinkimg_agent.policies.policy import Policy
from thinkimg_train.grpo_config import RolloutSection

NamedWeights = Callable[[], Iterable[tuple[str, torch.Tensor]]]
"""Makes all weights anew, each with the name that `from_pretrained` gives it in the model;
what an adapter changes is in them."""


class Engine(Protocol):
    """A policy whose weights follow the trainer's."""

    @property
    def policy(self) -> Policy:
        """Gives token ids and log-probabilities with each turn."""
        ...

    def policy_for(self, seed: int) -> Policy:
        """The policy as one episode uses it. An engine that can draws the tokens of the
        episode from this seed, so that the same episode can be played again."""
        ...

    async def follow(self, weights: NamedWeights, step: int) -> None:
        """Take over the trainer's weights after so many steps.

        It is called before the rollouts of every step, while no episode is in flight.

        Raises: PolicyFault.
        """
        ...

    async def close(self) -> None:
        """Let go of all that was opened."""
        ...


@dataclass(frozen=True)
class Trained:
    """What is trained, as an engine may need it."""

    path: str
    """Where the model was loaded from: a folder or a name in the Hugging Face cache."""
    module: Any
    """The model itself, of transformers, without what trains it around it."""
    seed: int


async def open_engine(section: RolloutSection, trained: Trained) -> Engine:
    """The engine that a configuration asks for. Call its `close` in the end.

    Raises: InvalidRequest; PolicyFault, when it does not start.
    """
    if section.engine == "vllm":
        from thinkimg_train.rollouts.vllm_engine import open_vllm

        return await open_vllm(section, trained)
    if section.engine == "vllm-server":
        from thinkimg_train.rollouts.vllm_server_engine import open_vllm_server

        return await open_vllm_server(section, trained)
    from thinkimg_train.rollouts.transformers_engine import open_transformers

    return await open_transformers(section, trained)
