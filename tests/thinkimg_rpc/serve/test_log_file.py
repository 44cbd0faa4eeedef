from __future__ import annotations

import json
from pathlib import Path

import pytest

from thinkimg_rpc.serve.log_file import LogFile


@pytest.fixture
def log(tmp_path: Path) -> LogFile:
    return LogFile(tmp_path / "logs" / "image-0.log")


def written(log: LogFile, *lines: str) -> LogFile:
    log.rotate()
    with log.open() as file:
        file.write("".join(f"{line}\n" for line in lines).encode())
    return log


def test_the_last_words_of_a_traceback_are_its_last_line(log: LogFile) -> None:
    trace = "Traceback (most recent call last):\n  File …\nValueError: no weights"
    assert written(log, trace, "").last_words() == "ValueError: no weights"


def test_the_last_words_of_a_structured_log_are_its_message(log: LogFile) -> None:
    line = json.dumps({"level": "error", "message": "out of memory"})
    assert written(log, line).last_words() == "out of memory"


def test_the_last_words_of_a_logged_exception_are_the_exception(log: LogFile) -> None:
    line = json.dumps({"message": "setup failed", "traceback": "Traceback\n…\nKeyError: 'x'"})
    assert written(log, line).last_words() == "KeyError: 'x'"


def test_a_process_that_said_nothing_has_no_last_words(log: LogFile) -> None:
    assert written(log).last_words() == ""


def test_very_long_last_words_are_cut(log: LogFile) -> None:
    assert len(written(log, "word " * 1000).last_words()) <= 200


def test_bytes_that_are_no_text_do_no_harm(log: LogFile) -> None:
    log.rotate()
    with log.open() as file:
        file.write(b"\xff\xfe Segmentation fault\n")
    assert log.last_words().endswith("Segmentation fault")


def test_the_reason_not_to_start_is_found_behind_what_was_logged_after_it(log: LogFile) -> None:
    reason = json.dumps({"event": "cannot_start", "message": "the port is taken"})
    assert written(log, reason, "some library's last gasp").why_it_cannot_start() == (
        "the port is taken"
    )


def test_what_an_earlier_process_wrote_is_not_held_against_a_later_one(log: LogFile) -> None:
    written(log, "ValueError: the first")
    with log.open():
        pass
    assert log.last_words() == ""
