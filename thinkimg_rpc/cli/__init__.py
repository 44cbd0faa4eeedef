"""The `thinkimg` command."""

from __future__ import annotations

import signal
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `thinkimg` with these arguments, the process's own by default; the exit status."""
    # While modules are imported, Ctrl-C ends the process as it would any other
    # program, without the traceback of whatever was being imported.
    handler = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from thinkimg_rpc.cli.program import prepare

        run = prepare(arguments)
    finally:
        signal.signal(signal.SIGINT, handler)
    return run()
