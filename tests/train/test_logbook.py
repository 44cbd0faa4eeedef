"""What is noted of a run, and shown of it."""

from __future__ import annotations

import importlib
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from thinkimg_train.config import LogSection
from thinkimg_train.logbook import NUMBERS, Logbook, read_numbers

QUIET = LogSection(tensorboard=False)


def note(folder: Path | None, steps: range, section: LogSection = QUIET) -> str:
    """Note some steps of a run of ten; what the screen says."""
    screen = Console(file=io.StringIO(), width=200)
    book = Logbook(section, folder, screen, name="first", steps=10, first_step=steps.start)
    with book:
        for step in steps:
            if book.wants(step):
                book.note_step(step, {"loss": 1 / (step + 1), "tokens_per_s": 1234.0})
    return screen.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_every_step_has_its_line(tmp_path: Path) -> None:
    said = note(tmp_path, range(10))
    assert [line["loss"] for line in read_numbers(tmp_path / NUMBERS)] == [
        1 / (step + 1) for step in range(10)
    ]
    assert "first: step 10/10, loss 0.1, 1,234 tokens/s" in said


def test_steps_that_come_again_are_noted_once(tmp_path: Path) -> None:
    note(tmp_path, range(7))
    with (tmp_path / NUMBERS).open("a") as file:
        file.write('{"step": 7, "lo')  # the process was killed here
    note(tmp_path, range(4, 10))
    assert [line["step"] for line in read_numbers(tmp_path / NUMBERS)] == list(range(10))


def test_only_some_steps_are_noted_where_that_is_asked_for(tmp_path: Path) -> None:
    note(tmp_path, range(10), LogSection(tensorboard=False, every_steps=4))
    assert [line["step"] for line in read_numbers(tmp_path / NUMBERS)] == [3, 7, 9]


def test_tensorboard_shows_the_curve(tmp_path: Path) -> None:
    board: Any = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    note(tmp_path, range(3), LogSection())
    events = board.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(one.step, one.value) for one in events.Scalars("loss")] == [
        (step, pytest.approx(1 / (step + 1))) for step in range(3)
    ]


def test_wandb_has_one_run_however_often_it_was_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    section = LogSection(tensorboard=False, wandb_project="tests")
    note(tmp_path, range(2), section)
    note(tmp_path, range(2, 4), section)
    runs = {path.name.rpartition("-")[2] for path in (tmp_path / "wandb").glob("offline-run-*")}
    assert runs == {(tmp_path / "wandb_run").read_text()}


def test_a_process_that_does_not_speak_writes_nothing(tmp_path: Path) -> None:
    note(None, range(10), LogSection())
    assert list(tmp_path.iterdir()) == []
