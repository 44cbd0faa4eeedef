"""How far a run has come: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

LINE_EVERY_S = 30.0
"""Between lines, where there is no terminal."""


class RunProgress:
    """Told of each question that is done; says what is left and how it goes so far."""

    def __init__(self, screen: Console, name: str, total: int, *, good: str = "right") -> None:
        """`good` is what a score of 1 is called."""
        self._screen = screen
        self._good = good
        self._name = name
        self._total = total
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[said]}"),
            console=screen,
            disable=not screen.is_terminal,
        )
        self._row = self._bar.add_task(name, total=total, said="")
        self._scores = 0.0
        self._scored = 0
        self._aborted = 0
        self._new = 0
        self._started = self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def was_done(self, score: float) -> None:
        """A question that an earlier start of this run has answered."""
        self._scored += 1
        self._scores += score
        self._show()

    def done(self, *, score: float | None) -> None:
        """A question that is done now; None: its episode was broken off."""
        self._new += 1
        if score is None:
            self._aborted += 1
        else:
            self._scored += 1
            self._scores += score
        self._show()
        now = time.monotonic()
        if not self._screen.is_terminal and now - self._last_line >= LINE_EVERY_S:
            self._last_line = now
            self._screen.print(f"{self._name}: {self.said()}")

    def said(self) -> str:
        """As "120/994, 91.7% right, 3 min left"."""
        finished = self._scored + self._aborted
        words = [f"{finished}/{self._total}"]
        if self._scored:
            words.append(f"{self._scores / self._scored:.1%} {self._good}")
        if self._aborted:
            words.append(f"{self._aborted} aborted")
        if self._new and finished < self._total:
            each_s = (time.monotonic() - self._started) / self._new
            words.append(f"{duration((self._total - finished) * each_s)} left")
        return ", ".join(words)

    def _show(self) -> None:
        self._bar.update(self._row, completed=self._scored + self._aborted, said=self.said())


def duration(seconds: float) -> str:
    """As a person says it: "40 s", "12 min", "3.5 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
