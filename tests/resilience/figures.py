"""The figures that a run shows, kept against what was promised.

Under `THINKIMG_FIGURES=FILE` (set by bench/resilience.py) they are written into
the file, the long checks run in full, and the promises hold as they stand.
Otherwise the machine is taken to be busy with other tests as well, and every
promise in seconds is given more room.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLE = "THINKIMG_FIGURES"
ROOM = 4.0


@dataclass(frozen=True)
class Figure:
    scenario: str
    what: str
    value: float
    unit: str
    promise: float | None
    """The largest value that keeps the promise; None: only told."""


class Figures:
    """Collects the figures of a run."""

    def __init__(self) -> None:
        self._file = os.environ.get(VARIABLE, "")

    @property
    def full(self) -> bool:
        """Whether this run is for the figures, and nothing else runs beside it."""
        return bool(self._file)

    def seconds(self, scenario: str, what: str, value: float, promise: float | None = None) -> None:
        """Note a time, and fail if it breaks the promise."""
        self._note(Figure(scenario, what, value, "s", promise))
        room = 1.0 if self.full else ROOM
        assert promise is None or value <= promise * room, f"{what}: {value:.2f} s"

    def count(self, scenario: str, what: str, value: float, promise: float | None = None) -> None:
        """Note a number or a ratio, and fail if it breaks the promise."""
        self._note(Figure(scenario, what, value, "", promise))
        assert promise is None or value <= promise, f"{what}: {value:g}"

    def _note(self, figure: Figure) -> None:
        if self._file:
            with Path(self._file).open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(figure)) + "\n")
