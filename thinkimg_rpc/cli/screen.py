"""Where tables are printed, and what is said last."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

_NO_TERMINAL_COLUMNS = 10_000


def console() -> Console:
    """Standard output; a file or a pipe gets whole lines, however long."""
    width = None if sys.stdout.isatty() else _NO_TERMINAL_COLUMNS
    return Console(highlight=False, width=width)


@contextmanager
def goes_on_after_ctrl_c() -> Iterator[None]:
    """Say of a command that is interrupted that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        raise
