"""What a supervised process (hub or worker) does at its start and when it gives up.

The supervisor and its children agree on three environment variables:
`THINKIMG_SETTINGS` holds the child's settings as one JSON object,
`THINKIMG_READY_FD` the number of a pipe on which the child says that it
serves, and `THINKIMG_PARENT_PID` the process without which it must not live.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import os
import signal
import sys
from typing import NoReturn

from thinkimg_rpc.settings import EXIT_CANNOT_START, READY_FD_VARIABLE

PARENT_PID_VARIABLE = "THINKIMG_PARENT_PID"
CANNOT_START = "cannot_start"
"""The event of the last log line of a child that restarting cannot mend."""

_PR_SET_PDEATHSIG = 1

logger = logging.getLogger(__name__)


def die_with_parent() -> None:
    """Makes sure that this process does not outlive its supervisor, however that ends.

    Call it first thing, in the main thread. Does nothing in a process that no
    supervisor started. The kernel sends SIGKILL at the parent's death, also to a
    stopped process.
    """
    variable = os.environ.pop(PARENT_PID_VARIABLE, None)
    if variable is None:
        return
    parent = int(variable)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    # The parent may have died before the kernel was told: then nobody will.
    if os.getppid() != parent:
        os._exit(1)


def announce_serving(address: str) -> None:
    """Tells the supervisor that this process serves at `address`; once.

    Does nothing in a process that no supervisor started.
    """
    variable = os.environ.pop(READY_FD_VARIABLE, None)
    if variable is None:
        return
    with os.fdopen(int(variable), "w", encoding="utf-8") as pipe:
        pipe.write(json.dumps({"event": "serving", "address": address}) + "\n")


def refuse_to_start(message: str) -> NoReturn:
    """Ends this process because of a mistake that restarting cannot mend.

    `message` is one line that names the setting and the remedy: the supervisor
    shows it and does not start the process again (exit code 78, EX_CONFIG).
    """
    logger.error("%s", message, extra={"event": CANNOT_START})
    sys.exit(EXIT_CANNOT_START)


def stop_signal() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets. Call it in the running event loop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
