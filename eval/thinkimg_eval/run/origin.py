"""What results come from: enough to know what they can be compared with, and to make them anew."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from thinkimg_agent.episode import Limits
from thinkimg_eval.run.config import NamingSection, PolicyConfig, RunConfig
from thinkimg_eval.tasks import OpenedTask
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.v1 import Worker

_MAY_CHANGE = {"commits", "policy.base_url"}
"""What a run that goes on may have otherwise than before: none of it changes an answer."""


class TaskOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """Which questions."""

    name: str
    version: str
    options: dict[str, Any]
    questions: int
    apart: tuple[str, ...] = ()
    """Categories without which the accuracy is told a second time."""
    prompt: str = ""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run's results come from; it stands at the head of every result file."""

    task: TaskOrigin
    policy: PolicyConfig
    seed: int | None
    limits: Limits
    naming: NamingSection = NamingSection()
    swapped_images: bool = False
    tools: dict[str, str] | None = None
    """What each tool that is offered answers with: "1 rapidocr". None: not known yet."""
    commits: list[str]
    """Of this project, or its version where it is installed; more than one if it changed
    before a run was finished."""


def origin_of(config: RunConfig, opened: OpenedTask) -> Origin:
    """Where the results of a run will come from, as far as that is known without a mesh."""
    task = opened.task
    questions = len(task.samples)
    return Origin(
        task=TaskOrigin(
            name=task.name,
            version=task.version,
            # As they will be read back: a Path becomes text.
            options=msgspec.json.decode(msgspec.json.encode(opened.options, enc_hook=str)),
            questions=min(questions, config.limit or questions),
            apart=task.apart,
            prompt=task.prompt,
        ),
        policy=config.policy,
        seed=config.seed,
        limits=config.limits,
        naming=config.naming,
        swapped_images=config.swapped_images,
        commits=[commit()],
    )


def tool_versions(tools: Iterable[ToolContract], workers: Sequence[Worker]) -> dict[str, str]:
    """The version and backend of each tool, as the workers give them."""
    served: dict[str, set[str]] = {}
    for worker in workers:
        for tool in worker.tools:
            served.setdefault(tool.name, set()).add(f"{tool.version} {tool.backend}".strip())
    return {tool.name: ", ".join(sorted(served.get(tool.name, {""}))) for tool in tools}


def differences(old: Origin, new: Origin) -> list[str]:
    """What a run would have to have alike to go on, and has not, in words."""
    if old.tools is None or new.tools is None:
        old, new = (msgspec.structs.replace(one, tools=None) for one in (old, new))
    before, now = flat(msgspec.to_builtins(old)), flat(msgspec.to_builtins(new))
    return [
        f"{name} was {_shown(before, name)} and is {_shown(now, name)}"
        for name in sorted(before.keys() | now.keys())
        if name not in _MAY_CHANGE and before.get(name, "") != now.get(name, "")
    ]


def gone_on_with(old: Origin, new: Origin) -> Origin:
    """What stands at the head of a run that was begun as `old` and goes on as `new`."""
    return msgspec.structs.replace(
        new,
        commits=list(dict.fromkeys([*old.commits, *new.commits])),
        tools=old.tools if new.tools is None else new.tools,
    )


def commit() -> str:
    """The commit this code is of, "+changes" if some of it is not committed; or its version."""
    here = Path(__file__)
    git = shutil.which("git")
    if git is not None and _git(git, here, "ls-files", "--error-unmatch", here.name) is not None:
        changed = _git(git, here, "status", "--porcelain", "--untracked-files=no")
        return f"{_git(git, here, 'rev-parse', 'HEAD')}{'+changes' if changed else ''}"
    return f"thinkimg-rpc {metadata.version('thinkimg-rpc')}"


def _git(git: str, here: Path, *words: str) -> str | None:
    finished = subprocess.run(
        [git, "-C", str(here.parent), *words], capture_output=True, text=True, check=False
    )
    return finished.stdout.strip() if finished.returncode == 0 else None


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} as {"a.b": 1}; empty tables are left out."""
    if not isinstance(value, dict):
        return {name: value}
    return {
        inner: leaf
        for key, part in value.items()
        for inner, leaf in flat(part, f"{name}.{key}" if name else str(key)).items()
    }


def _shown(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return "not there" if value is None else f'"{value}"' if isinstance(value, str) else str(value)
