"""Policies by name, as commands and configurations write them: `openai:gpt-5`."""

from __future__ import annotations

import os
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thinkimg_agent.policies.policy import Policy
from thinkimg_rpc.errors import InvalidRequest

KINDS = {
    "openai": "openai:MODEL, at --base-url or OpenAI itself, with the key in $OPENAI_API_KEY",
    "transformers": "transformers:FOLDER or transformers:HUB/NAME, in this process",
    "scripted": "scripted:FILE, the turns of a text file, separated by lines of ---",
}


@dataclass(frozen=True)
class PolicyOptions:
    """What a command may say of a policy beside its name."""

    base_url: str | None = None
    native_tools: bool = False
    temperature: float = 0.0
    seed: int = 0
    max_image_pixels: int = 1 << 20


def open_policy(
    name: str, options: PolicyOptions = PolicyOptions()
) -> AbstractAsyncContextManager[Policy]:
    """The policy of that name; use it in an `async with`.

    Raises: InvalidRequest, naming the kinds there are; PolicyFault.
    """
    kind, separator, model = name.partition(":")
    if not separator or kind not in KINDS or not model:
        raise InvalidRequest.field("policy", f'"{name}" is none; write {"; ".join(KINDS.values())}')
    opened: Any = {"openai": _openai, "transformers": _transformers, "scripted": _scripted}[kind](
        model, options
    )
    policy: AbstractAsyncContextManager[Policy] = opened
    return policy


def _openai(model: str, options: PolicyOptions) -> Any:
    from thinkimg_agent.policies.openai_endpoint import OpenAIPolicy, Sampling

    return OpenAIPolicy(
        model,
        base_url=options.base_url,
        api_key=os.environ.get("OPENAI_API_KEY"),
        native_tools=options.native_tools,
        sampling=Sampling(temperature=options.temperature, seed=options.seed),
        max_image_pixels=options.max_image_pixels,
    )


def _transformers(model: str, options: PolicyOptions) -> Any:
    from thinkimg_agent.policies.transformers_vlm import LocalSampling, TransformersPolicy

    return TransformersPolicy(
        model,
        sampling=LocalSampling(temperature=options.temperature, seed=options.seed),
        max_image_pixels=options.max_image_pixels,
    )


def _scripted(file: str, options: PolicyOptions) -> Any:
    from thinkimg_agent.policies.scripted import ScriptedPolicy

    turns = [turn.strip() for turn in Path(file).read_text().split("\n---\n")]
    return ScriptedPolicy(turns, max_image_pixels=options.max_image_pixels)
