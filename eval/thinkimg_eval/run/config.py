"""What a run is made of, as `--config FILE.toml` and `--section.field value` say it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec

from thinkimg_agent.episode import Limits
from thinkimg_agent.policies.choice import Dtype

AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class TaskConfig(msgspec.Struct, frozen=True, kw_only=True):
    """`[run.task]`: a task, and whatever options it has, beside its name."""

    name: str
    """As `thinkimg eval tasks` lists it, or path/to/file.py:function."""
    options: dict[str, Any] = {}


class PolicyConfig(msgspec.Struct, frozen=True, kw_only=True):
    """`[run.policy]`: who answers, and how."""

    name: str
    """KIND:MODEL, such as "openai:gpt-5"."""
    dialect: str = "hermes"
    coordinates: str = "pixels"
    base_url: tuple[str, ...] = ()
    """Of servers with the same model; episodes are shared out among them."""
    temperature: NotNegative = 0.0
    max_image_pixels: AtLeastOne = 1 << 20
    dtype: Dtype = "auto"
    """What a model of `transformers:` or `vllm:` computes in."""


class MeshSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[run.mesh]`: where the tools are."""

    address: str = ""
    """HOST:PORT. If empty: the mesh that runs at the usual address, else one for this run."""
    serve: bool = False
    """Serve a mesh for this run, whatever else runs."""
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""


class RetrySection(msgspec.Struct, frozen=True, kw_only=True):
    """`[run.retry]`: of episodes that the mesh or the policy's server has broken off."""

    times: Annotated[int, msgspec.Meta(ge=0)] = 4
    wait_s: NotNegative = 1.0
    """Before the first; each further wait is twice as long."""


class NamingSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[naming]`: tools under other names and in other words, from question to question."""

    share: Share = 0.0
    """Of questions; of a training step, of its groups."""
    names: dict[str, tuple[str, ...]] = {}
    """For a tool, names to draw from; a tool that is not in here gets one of no language."""
    syllables: Annotated[int, msgspec.Meta(ge=2)] = 3
    """Of names of no language: with another number than in training, none was seen in it."""
    descriptions: dict[str, tuple[str, ...]] = {}
    """For a tool, other words for what it does; a tool that is not in here keeps its own."""


class RunConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One task, answered by one policy, into one folder."""

    task: TaskConfig
    policy: PolicyConfig
    out: Path
    name: str = ""
    """The folder inside `out`, where several runs share it; the task's name if left out."""
    limit: AtLeastOne | None = None
    """Only so many questions, the first ones."""
    concurrency: AtLeastOne = 16
    """Episodes in flight."""
    seed: int | None = None
    """Of the policy's sampling, and of a task that has a `seed`."""
    tools: tuple[str, ...] = ()
    """Offered instead of the task's; "none" alone: no tools at all."""
    naming: NamingSection = NamingSection()
    swapped_images: bool = False
    """A control: tools look at another question's images, and must be of no help."""
    limits: Limits = Limits()
    mesh: MeshSection = MeshSection()
    retry: RetrySection = RetrySection()
