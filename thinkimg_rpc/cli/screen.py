"""Where tables are printed."""

from __future__ import annotations

import sys

from rich.console import Console

_NO_TERMINAL_COLUMNS = 10_000


def console() -> Console:
    """Standard output; a file or a pipe gets whole lines, however long."""
    width = None if sys.stdout.isatty() else _NO_TERMINAL_COLUMNS
    return Console(highlight=False, width=width)
