"""The migration page knows every flag of the original, and names only flags that exist."""

from __future__ import annotations

import re
import shlex
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer.main

from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_eval.cli.evaluate import evaluate
from thinkimg_eval.run.config import RunConfig
from thinkimg_eval.run.reading import override_of, read_runs
from thinkimg_eval.run.surroundings import dialect_of
from thinkimg_eval.tasks import find_task, installed_tasks, options_of
from thinkimg_rpc.cli.serve import serve
from thinkimg_rpc.serve.config import MeshConfig

from .openthinkimg_commands import COMMANDS, CONFIGURATIONS, PROGRAMS

PAGE = (Path(__file__).parents[2] / "docs" / "from-openthinkimg.md").read_text()
_HEADING = re.compile(r"<!-- (.+?) -->\n+((?:\|.*\n)+)")
_ROW = re.compile(r"^\| `([^`]+)` \| (.+?) \|$", re.MULTILINE)
TABLES = {heading: dict(_ROW.findall(rows)) for heading, rows in _HEADING.findall(PAGE)}
TARGETS = [target for table in TABLES.values() for target in table.values()]


def _flags(command: str) -> Iterator[tuple[str, str]]:
    """(heading of the page, flag) for each flag of a command line."""
    heading = ""
    for word in shlex.split(command):
        if word in PROGRAMS:
            heading = PROGRAMS[word]
        elif word.startswith("-"):
            yield heading, word.partition("=")[0]


def _keys(table: dict[str, Any], before: str = "") -> Iterator[str]:
    for key, value in table.items():
        yield before + key
        if isinstance(value, dict):
            yield from _keys(value, f"{before}{key}.")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_flag_of_a_published_command_is_on_the_page(command: str) -> None:
    flags = list(_flags(command))
    assert flags
    assert [(heading, flag) for heading, flag in flags if flag not in TABLES[heading]] == []


@pytest.mark.parametrize("heading", CONFIGURATIONS)
def test_every_key_of_a_published_configuration_is_on_the_page(heading: str) -> None:
    assert [key for key in _keys(CONFIGURATIONS[heading]) if key not in TABLES[heading]] == []


def test_a_flag_that_is_not_on_the_page_would_be_noticed() -> None:
    [(heading, flag)] = _flags("python start_server_config.py --port=1")
    assert flag not in TABLES[heading]


def test_each_row_names_what_stands_for_it_or_says_why_nothing_does() -> None:
    says = re.compile(
        r"`thinkimg [a-z ]+ --|mesh\.toml `|`\[+run|none|comes with training|\w+'s own, as it is"
        r"|`accelerate launch -m thinkimg_eval"
    )
    assert [target for target in TARGETS if not says.search(target)] == []


def _named(pattern: str) -> list[str]:
    found = sorted({name for target in TARGETS for name in re.findall(pattern, target)})
    assert found
    return found


@pytest.mark.parametrize("flag", _named(r"`thinkimg eval run --([\w.]+)`"))
def test_each_flag_of_an_evaluation_that_the_page_names_exists(flag: str) -> None:
    run: Any = typer.main.get_command(evaluate)
    options = {name for one in run.commands["run"].params for name in one.opts}
    section, dot, name = flag.partition(".")
    if not dot:
        assert f"--{flag}" in options
    elif section == "task" and name != "name":
        assert any(name in options_of(find_task(task)) for task in installed_tasks())
    else:
        hint: Any = typing.get_type_hints(RunConfig)[section]
        assert name in typing.get_type_hints(hint)


@pytest.mark.parametrize("key", _named(r"mesh\.toml `([\w.]+)`"))
def test_each_key_of_a_mesh_that_the_page_names_exists(key: str) -> None:
    section, _, name = key.partition(".")
    [field] = [one for one in msgspec.structs.fields(MeshConfig) if one.name == section]
    kind = typing.get_args(field.type)[0] if typing.get_args(field.type) else field.type
    assert not name or name in kind.__struct_fields__


def test_a_mesh_is_served_from_a_file_as_the_page_says() -> None:
    assert _named(r"`thinkimg serve --(\w+)`") == ["config"]
    assert "config" in typing.get_type_hints(serve)


def test_the_command_at_the_top_of_the_page_is_a_run() -> None:
    [command] = re.findall(r"thinkimg eval run (.+?)\n```", PAGE, re.DOTALL)
    [run] = read_runs(None, override_of(shlex.split(command.replace("\\\n", " "))))
    assert run.task.name == "chartgemma"
    assert run.task.options == {"scorer": "openthinkimg_fuzzy"}
    assert dialect_of(run.policy).space is CoordinateSpace.PERCENT
