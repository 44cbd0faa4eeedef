"""What a collection is made of, as `--config FILE.toml` and `--section.field value` say it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from thinkimg_eval.run.config import AtLeastOne, NotNegative, RunConfig
from thinkimg_eval.run.fields import refuse_unknown
from thinkimg_eval.run.reading import overridden, read_run, read_toml
from thinkimg_rpc.errors import InvalidRequest

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
AtLeastZero = Annotated[int, msgspec.Meta(ge=0)]


class TeacherSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[collect.teacher]`: how a planner's episodes are varied. Each is a share, 0 to 1."""

    wording: Share = 0.7
    """Of thoughts that are said in other words."""
    mistakes: Share = 0.05
    """Of episodes with a call that fails, and is mended in the next turn."""
    detours: Share = 0.05
    """Of the episodes that crop or draw, in which the first look goes to a wrong place."""


class ChecksSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[collect.checks]`: what an accepted trajectory may be like."""

    min_calls: AtLeastZero = 1
    """0 takes answers without a look."""
    mended_calls: AtLeastZero = 1
    """Calls that may fail, each mended in the turn that follows."""


class CollectConfig(RunConfig, frozen=True, kw_only=True):
    """A run, of which only what is right is kept."""

    method: Literal["", "episodes", "plan_first"] = ""
    """How the teacher works. If empty: plan_first for `openai:`, episodes for all others."""
    tries: AtLeastOne = 4
    """The budget of a question."""
    keep: AtLeastOne = 1
    """So many trajectories of a question, all of them different."""
    want: AtLeastOne | None = None
    """So many trajectories in all; those of the task's first questions."""
    retry_temperature: NotNegative = 0.7
    """Of an endpoint's tries after the first, which is at `policy.temperature`."""
    teacher: TeacherSection = TeacherSection()
    checks: ChecksSection = ChecksSection()

    @property
    def plans_first(self) -> bool:
        """Whether the teacher writes all calls before any is made."""
        return self.method == "plan_first" or (
            not self.method and self.policy.name.startswith("openai:")
        )


def read_collection(config: Path | None, overrides: Sequence[tuple[str, str]]) -> CollectConfig:
    """A collection from the table `[collect]` of a file, and what a command line says over it.

    Raises: InvalidRequest, naming the field and the remedy; OSError.
    """
    collection = read_run(overridden(_table(config), overrides), CollectConfig)
    if collection.naming.share:
        raise InvalidRequest.field("naming.share", "is for `thinkimg eval run`: leave it out")
    if collection.swapped_images:
        raise InvalidRequest.field("swapped_images", "is for `thinkimg eval run`: leave it out")
    return collection


def _table(config: Path | None) -> dict[str, Any]:
    if config is None:
        return {}
    document = read_toml(config)
    refuse_unknown(document, ["collect"], str(config))
    table = document.get("collect", {})
    if not isinstance(table, dict):
        raise InvalidRequest(f"{config}: write [collect]")
    return table
