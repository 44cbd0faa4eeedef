"""Tasks by name and by file, and their options."""

from __future__ import annotations

from pathlib import Path

import pytest

from thinkimg_eval.run.fields import Word
from thinkimg_eval.tasks import find_task, installed_tasks, open_task, options_said
from thinkimg_rpc.errors import InvalidRequest

FILE = Path(__file__).parent / "run" / "tiny_task.py"
TINY = f"{FILE}:tiny"


def test_a_task_of_ones_own_is_a_function_in_a_file() -> None:
    opened = open_task(TINY, {})
    assert (opened.task.name, len(opened.task.samples)) == ("tiny", 12)
    assert opened.options == {"questions": 12, "seed": 0, "share": 0.5, "note": None}


def test_words_of_a_command_line_become_what_the_function_takes() -> None:
    words = {"questions": "3", "share": "1e-2", "note": "~/note.txt", "seed": "4"}
    opened = open_task(TINY, {name: Word(text) for name, text in words.items()})
    assert opened.options == {
        "questions": 3,
        "share": 0.01,
        "note": Path("~/note.txt").expanduser(),
        "seed": 4,
    }


def test_the_seed_of_a_run_is_the_tasks_unless_it_is_given_one() -> None:
    assert open_task(TINY, {}, seed=5).options["seed"] == 5
    assert open_task(TINY, {"seed": 6}, seed=5).options["seed"] == 6


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        (TINY, {"question": 3}, "task.question: there is no such field; did you mean questions?"),
        (TINY, {"questions": "3"}, 'task.questions: write a whole number, not "3"'),
        (TINY, {"questions": Word("few")}, 'task.questions: write a whole number, not "few"'),
        (f"{FILE}:tony", {}, "tiny_task.py has no function tony"),
        (f"{FILE}:nothing", {}, "returned int, not a Task"),
        ("no/such/file.py:tiny", {}, "there is no file no/such/file.py"),
        ("synthchart", {}, '"synthchart" is none; did you mean synthcharts?'),
    ],
)
def test_a_mistake_names_what_is_there(name: str, options: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        open_task(name, options)
    assert says in str(error.value)


def test_every_installed_task_can_be_found_and_tells_its_options() -> None:
    for name in installed_tasks():
        function = find_task(name)
        assert function.__doc__
        assert "=" in options_said(function) or options_said(function) == ""
