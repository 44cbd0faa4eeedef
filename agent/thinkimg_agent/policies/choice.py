"""Policies by name, as commands and configurations write them: `openai:gpt-5`."""

from __future__ import annotations

import os
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from thinkimg_agent.dialects import DIALECTS, Dialect
from thinkimg_agent.policies.policy import Policy
from thinkimg_rpc.errors import InvalidRequest

ENTRY_POINT_GROUP = "thinkimg.policies"
"""Other packages' kinds: a function of (model, PolicyOptions) for each, whose first
docstring line says what to write."""


Dtype = Literal["auto", "float32", "bfloat16", "float16"]
"""What a model in this process computes in; "auto": what its checkpoint is stored in."""


@dataclass(frozen=True)
class PolicyOptions:
    """What a command may say of a policy beside its name."""

    dialect: Dialect = field(default_factory=lambda: DIALECTS["hermes"]())
    """How its turns will be read. With "native", an endpoint takes calls out of the text."""
    base_url: str | None = None
    temperature: float = 0.0
    seed: int = 0
    max_image_pixels: int = 1 << 20
    dtype: Dtype = "auto"


def open_policy(
    name: str, options: PolicyOptions = PolicyOptions()
) -> AbstractAsyncContextManager[Policy]:
    """The policy of that name; use it in an `async with`.

    Raises: InvalidRequest, naming the kinds there are; PolicyFault.
    """
    opener = _opener_of(name)
    if isinstance(opener, EntryPoint):
        opener = opener.load()
    policy: AbstractAsyncContextManager[Policy] = opener(name.partition(":")[2], options)
    return policy


def check_policy(name: str) -> None:
    """Raises: InvalidRequest, when there is no such kind of policy; nothing is loaded."""
    _opener_of(name)


def _opener_of(name: str) -> Any:
    kind, separator, _ = name.partition(":")
    openers: dict[str, Any] = _BUILT_IN | _of_other_packages()
    if not separator or kind not in openers:
        known = "; ".join(_said_of(kind, opener) for kind, opener in openers.items())
        raise InvalidRequest.field("policy", f'"{name}" is none; write {known}')
    return openers[kind]


def _of_other_packages() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


def _said_of(kind: str, opener: Any) -> str:
    if isinstance(opener, EntryPoint):
        return f"{kind}:…, of {opener.dist.name if opener.dist else opener.module}"
    return str(opener.__doc__).strip().removesuffix(".")


def _openai(model: str, options: PolicyOptions) -> Any:
    """openai:MODEL, at --base-url or OpenAI itself, with the key in $OPENAI_API_KEY."""
    from thinkimg_agent.policies.openai_endpoint import OpenAIPolicy, Sampling

    return OpenAIPolicy(
        _required(model),
        base_url=options.base_url,
        api_key=os.environ.get("OPENAI_API_KEY"),
        native_tools=options.dialect.name == "native",
        coordinates=options.dialect.space,
        sampling=Sampling(temperature=options.temperature, seed=options.seed),
        max_image_pixels=options.max_image_pixels,
    )


def _transformers(model: str, options: PolicyOptions) -> Any:
    """transformers:FOLDER or transformers:HUB/NAME, in this process."""
    from thinkimg_agent.policies.local_sampling import LocalSampling
    from thinkimg_agent.policies.transformers_vlm import TransformersPolicy

    return TransformersPolicy(
        _required(model),
        dtype=options.dtype,
        sampling=LocalSampling(temperature=options.temperature, seed=options.seed),
        max_image_pixels=options.max_image_pixels,
    )


def _vllm(model: str, options: PolicyOptions) -> Any:
    """vllm:FOLDER or vllm:HUB/NAME, on the vLLM that is installed here."""
    if find_spec("vllm") is None:
        raise InvalidRequest.field(
            "policy", "vLLM is not installed: pip install 'thinkimg-rpc[vllm]'"
        )
    from thinkimg_agent.policies.local_sampling import LocalSampling
    from thinkimg_agent.policies.vllm_engine import VllmPolicy

    return VllmPolicy(
        _required(model),
        dtype=options.dtype,
        sampling=LocalSampling(temperature=options.temperature, seed=options.seed),
        max_image_pixels=options.max_image_pixels,
    )


def _scripted(file: str, options: PolicyOptions) -> Any:
    """scripted:FILE, the turns of a text file, separated by lines of ---."""
    from thinkimg_agent.policies.scripted import ScriptedPolicy

    turns = [turn.strip() for turn in Path(_required(file)).read_text().split("\n---\n")]
    return ScriptedPolicy(turns, max_image_pixels=options.max_image_pixels)


def _required(model: str) -> str:
    """What stands after the colon. Raises: InvalidRequest, when nothing does."""
    if not model:
        raise InvalidRequest.field("policy", "nothing stands after the colon")
    return model


_BUILT_IN: dict[str, Any] = {
    "openai": _openai,
    "transformers": _transformers,
    "vllm": _vllm,
    "scripted": _scripted,
}
