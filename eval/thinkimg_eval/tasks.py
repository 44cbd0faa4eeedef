"""Tasks by name, as commands and configurations write them."""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from thinkimg_eval.run.fields import join, read, refuse_unknown
from thinkimg_eval.task import Task
from thinkimg_rpc.errors import InvalidRequest

ENTRY_POINT_GROUP = "thinkimg.tasks"
"""A function for each task, which returns it; its keyword arguments are the task's options."""

TaskFunction = Callable[..., Task]


@dataclass(frozen=True)
class OpenedTask:
    """A task, and all the options it was made with, its defaults included."""

    task: Task
    options: dict[str, Any]


def open_task(name: str, options: Mapping[str, Any], *, seed: int | None = None) -> OpenedTask:
    """The task of that name, or that path/to/file.py:function returns.

    `seed` is handed to tasks that have one, unless `options` name it.

    Raises: InvalidRequest, naming the tasks there are, or the option that is wrong.
    """
    function = find_task(name)
    known = options_of(function)
    refuse_unknown(options, known, "task")
    chosen = {option: default for option, (_, default) in known.items() if default is not MISSING}
    if seed is not None and "seed" in known:
        chosen["seed"] = seed
    for option, value in options.items():
        chosen[option] = read(value, known[option][0], join("task", option))
    for option in known:
        if option not in chosen:
            raise InvalidRequest.field(join("task", option), "is missing, and has no default")
    task: Any = function(**chosen)
    if not isinstance(task, Task):
        raise InvalidRequest.field("task", f"{name} returned {type(task).__name__}, not a Task")
    return OpenedTask(task, chosen)


def find_task(name: str) -> TaskFunction:
    """The function behind a name. Raises: InvalidRequest."""
    file, colon, function = name.rpartition(":")
    if colon and file.endswith(".py"):
        return _of_file(Path(file), function)
    known = installed_tasks()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
        raise InvalidRequest.field(
            "task", f'"{name}" is none; {hint} (one of your own: path/to/file.py:function)'
        )
    function_of: TaskFunction = known[name].load()
    return function_of


def installed_tasks() -> dict[str, EntryPoint]:
    """Those of all installed packages, by name."""
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


def options_of(function: TaskFunction) -> dict[str, tuple[Any, Any]]:
    """The options of a task: (type, default) by name; MISSING where there is no default."""
    hints = typing.get_type_hints(function)
    return {
        name: (
            hints.get(name, str),
            MISSING if parameter.default is parameter.empty else parameter.default,
        )
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    }


def _of_file(path: Path, function: str) -> TaskFunction:
    if not path.is_file():
        raise InvalidRequest.field("task", f"there is no file {path}")
    name = f"thinkimg_task_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Where dataclasses and pickles of that file look for themselves.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    found: Any = getattr(module, function, None)
    if not callable(found):
        raise InvalidRequest.field("task", f"{path} has no function {function}")
    task_function: TaskFunction = found
    return task_function


def options_said(function: TaskFunction) -> str:
    """As "split=test seed=0"; what has no default stands alone."""
    return " ".join(
        name if default is MISSING else f"{name}={default}"
        for name, (_, default) in options_of(function).items()
    )
