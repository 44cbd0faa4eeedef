"""docs/benchmarks.md knows every benchmark, and its commands are runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from thinkimg_eval.benchmarks.jsonl import FIELDS, jsonl
from thinkimg_eval.run.reading import override_of, read_runs
from thinkimg_eval.tasks import find_task, installed_tasks, options_of

from .tiny import picture, write

PAGE = (Path(__file__).parents[3] / "docs" / "benchmarks.md").read_text()
COMMANDS = [
    shlex.split(command.replace("\\\n", " "))
    for block in re.findall(r"```sh\n(.+?)```", PAGE, re.DOTALL)
    for command in re.split(r"\n(?=thinkimg)", block)
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_of_the_page_is_a_run_of_a_task_with_such_options(
    command: list[str],
) -> None:
    assert command[:3] == ["thinkimg", "eval", "run"]
    [run] = read_runs(None, override_of(command[3:]))
    assert set(run.task.options) <= set(options_of(find_task(run.task.name)))


def test_every_benchmark_is_on_the_page_with_a_command() -> None:
    tasks = {
        name
        for name, point in installed_tasks().items()
        if point.value.startswith("thinkimg_eval.benchmarks")
    }
    named = {run.task.name for one in COMMANDS for run in read_runs(None, override_of(one[3:]))}
    assert named == tasks
    assert [task for task in tasks if f"[`{task}`](#" not in PAGE] == []


def test_the_fields_of_a_line_are_those_of_the_page() -> None:
    [table] = re.findall(r"\| field \| \|\n\| --- \| --- \|\n((?:\|.*\n)+)", PAGE)
    assert dict(re.findall(r"^\| `(\w+)` \| (.+?) \|$", table, re.MULTILINE)) == FIELDS


def test_the_lines_of_the_page_can_be_read(tmp_path: Path) -> None:
    [lines] = re.findall(r'```text title="mine\.jsonl"\n(.+?)```', PAGE, re.DOTALL)
    for image in re.findall(r"[\w/]+\.(?:png|jpg)", lines):
        write(tmp_path / image, picture())
    task = jsonl(path=write(tmp_path / "mine.jsonl", lines.encode()))
    assert [sample.truth for sample in task.samples] == ["42", "summer"]
