"""The log file of one supervised process, and what its last lines say."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path
from typing import IO

from thinkimg_rpc.process import CANNOT_START

_TAIL_BYTES = 64 * 1024
_SHOWN = 200


class LogFile:
    """A file that one process after another appends to.

    Raises (rotate, open): OSError, when its folder cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._began_at = 0

    def rotate(self) -> None:
        """Start afresh; the file of the last time stays beside it as NAME.log.1."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            self.path.replace(self.path.with_name(self.path.name + ".1"))

    def open(self) -> IO[bytes]:
        """The file to hand to the next process; its words are told from earlier ones."""
        file = self.path.open("ab")
        self._began_at = file.tell()
        return file

    def last_words(self) -> str:
        """The last line the latest process wrote, shortened to what a person reads."""
        lines = self._lines()
        return textwrap.shorten(_gist(lines[-1]), _SHOWN, placeholder=" …") if lines else ""

    def why_it_cannot_start(self) -> str:
        """The message of the latest process's `cannot_start` event, or its last words."""
        for line in reversed(self._lines()):
            event = _parse(line)
            if event.get("event") == CANNOT_START:
                return str(event.get("message", ""))
        return self.last_words()

    def _lines(self) -> list[str]:
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(self._began_at, size - _TAIL_BYTES))
                text = file.read().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return []
        return [line for line in text.splitlines() if line.strip()]


def _gist(line: str) -> str:
    event = _parse(line)
    if "traceback" in event:
        return str(event["traceback"]).strip().splitlines()[-1]
    return str(event.get("message") or line.strip())


def _parse(line: str) -> dict[str, object]:
    try:
        event = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return event if isinstance(event, dict) else {}
