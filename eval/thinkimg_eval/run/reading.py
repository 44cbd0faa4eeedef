"""Runs, from a TOML file and what a command line says over it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from thinkimg_eval.run.config import RunConfig
from thinkimg_eval.run.fields import Word, read_section, refuse_unknown
from thinkimg_rpc.errors import InvalidRequest

Table = dict[str, Any]
R = TypeVar("R", bound=RunConfig)


def read_runs(config: Path | None, overrides: Sequence[tuple[str, str]]) -> list[RunConfig]:
    """The runs that a file describes, or the one that the overrides alone do.

    An override is a field, dotted, and its text; it holds for every run of the file.
    A task "a,b" stands for a run of each.

    Raises: InvalidRequest, naming the field and the remedy; OSError.
    """
    return [
        read_run(one, RunConfig)
        for table in _tables(config)
        for one in _one_task_each(overridden(table, overrides))
    ]


def read_run(table: Mapping[str, Any], kind: type[R]) -> R:
    """One run, of a kind that may have further fields, from its table. Raises: InvalidRequest."""
    rest = dict(table)
    for name, example in (("task", "synthcharts"), ("policy", "planner:"), ("out", "runs/first")):
        if name not in rest:
            raise InvalidRequest.field(name, f"is missing; say for example --{name} {example}")
    task = dict(rest["task"])
    chosen = {"name": task.pop("name")} if "name" in task else {}
    return read_section(rest | {"task": chosen | {"options": task}}, kind)


def override_of(words: Sequence[str]) -> list[tuple[str, str]]:
    """Fields and values out of `--section.field value` and `--section.field=value`.

    One that is followed by no value is true. Raises: InvalidRequest.
    """
    found: list[tuple[str, str]] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("--"):
            raise InvalidRequest.field(word, "belongs to no field; write --field value")
        name, equals, value = word[2:].partition("=")
        if not equals:
            value = waiting.pop(0) if waiting and not waiting[0].startswith("--") else "true"
        found.append((name, value))
    return found


def overrides_of(options: Mapping[str, object], words: Sequence[str]) -> list[tuple[str, str]]:
    """What a command's own options say, those that are given, and then `override_of(words)`."""
    given = [(field, str(value)) for field, value in options.items() if value is not None]
    return [*given, *override_of(words)]


def read_toml(file: Path) -> Table:
    """The tables of a file. Raises: InvalidRequest; OSError."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{file} is not valid TOML: {error}") from error


def _tables(config: Path | None) -> list[Table]:
    if config is None:
        return [{}]
    document = read_toml(config)
    refuse_unknown(document, ["run"], str(config))
    runs = document.get("run", [])
    tables = [runs] if isinstance(runs, dict) else runs
    if not isinstance(tables, list) or not tables or not all(isinstance(t, dict) for t in tables):
        raise InvalidRequest(f"{config}: write [run], or [[run]] for each of several")
    return tables


def overridden(table: Mapping[str, Any], overrides: Sequence[tuple[str, str]]) -> Table:
    """A run's table with what a command line says over it. Raises: InvalidRequest."""
    document = {name: _as_table(name, value) for name, value in table.items()}
    for field, value in overrides:
        section, dot, name = field.partition(".")
        if section in ("task", "policy") and not dot:
            dot, name = ".", "name"
        if not dot:
            document[section] = Word(value)
            continue
        if section in document and not isinstance(document[section], dict):
            raise InvalidRequest.field(field, f"{section} has no fields of its own")
        document[section] = {**document.get(section, {}), name: Word(value)}
    return document


def _as_table(name: str, value: Any) -> Any:
    """`task = "a"` is short for a table with that name."""
    return {"name": value} if name in ("task", "policy") and isinstance(value, str) else value


def _one_task_each(table: Table) -> list[Table]:
    task = table.get("task")
    name = task.get("name") if isinstance(task, dict) else None
    if not isinstance(task, dict) or not isinstance(name, str) or "," not in name:
        return [table]
    names = [one.strip() for one in name.split(",") if one.strip()]
    return [{**table, "task": {**task, "name": one}} for one in names]


def folders_of(runs: Sequence[RunConfig], task_names: Sequence[str]) -> list[RunConfig]:
    """The runs with folders that are all different: those that share one get one inside it each.

    Raises: InvalidRequest, when they have one name too.
    """
    outs = [run.out for run in runs]
    placed = [
        run
        if outs.count(run.out) == 1 and not run.name
        else msgspec.structs.replace(run, out=run.out / (run.name or task_name))
        for run, task_name in zip(runs, task_names, strict=True)
    ]
    folders = [run.out for run in placed]
    for folder in folders:
        if folders.count(folder) > 1:
            raise InvalidRequest.field(
                "name", f"several runs would write into {folder}; give each a name of its own"
            )
    return placed
