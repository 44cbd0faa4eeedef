from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from thinkimg_rpc.logs import JsonLines, configure


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield io.StringIO()
    root.handlers[:], root.level = before


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_when_where_how_bad_and_what(stream: io.StringIO) -> None:
    configure("image-0", stream=stream)
    logging.getLogger("my.module").warning("queue at %d", 7)
    (line,) = lines(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "process": "image-0",
        "logger": "my.module",
        "message": "queue at 7",
    }


def test_extras_are_fields_of_their_own(stream: io.StringIO) -> None:
    configure("hub", stream=stream)
    logging.getLogger("m").info("joined", extra={"worker": "image-0", "tools": ["Crop"]})
    (line,) = lines(stream)
    assert (line["worker"], line["tools"]) == ("image-0", ["Crop"])


def test_an_exception_stays_on_its_line(stream: io.StringIO) -> None:
    configure("hub", stream=stream)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("m").exception("it broke")
    (line,) = lines(stream)
    assert line["message"] == "it broke"
    assert line["traceback"].endswith("ValueError: two\nlines")


def test_what_json_does_not_know_is_written_as_text(stream: io.StringIO) -> None:
    configure("hub", stream=stream)
    logging.getLogger("m").info("odd", extra={"value": 1j, "word": "Größe"})
    (line,) = lines(stream)
    assert (line["value"], line["word"]) == ("1j", "Größe")


def test_debug_is_left_out_unless_asked_for(stream: io.StringIO) -> None:
    configure("hub", stream=stream)
    logging.getLogger("m").debug("detail")
    assert stream.getvalue() == ""
    configure("hub", level="debug", stream=stream)
    logging.getLogger("m").debug("detail")
    assert [line["message"] for line in lines(stream)] == ["detail"]


def test_a_record_from_elsewhere_can_be_formatted() -> None:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "%s", ("hello",), sys.exc_info())
    assert json.loads(JsonLines("p").format(record))["message"] == "hello"
