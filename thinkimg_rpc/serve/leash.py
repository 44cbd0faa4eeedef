"""Commands that the supervisor runs for itself, and that never outlive it.

As a program it becomes the command that it is given, after seeing to it that this
dies with its parent and lets the workers go first.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from thinkimg_rpc.process import PARENT_PID_VARIABLE, die_with_parent

_LEASH = (sys.executable, "-P", "-m", "thinkimg_rpc.serve.leash")
_NICENESS = 10


async def run_on_leash(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    on_line: Callable[[str], None],
) -> int:
    """Run a command in `folder` to its end; its exit status.

    `on_line` is called with each line it prints. When this is cancelled, the command
    and all that it started are killed at once.

    Raises: OSError, when it cannot be run.
    """
    process = await asyncio.create_subprocess_exec(
        *_LEASH,
        *map(str, command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        env={**environment, PARENT_PID_VARIABLE: str(os.getpid())},
        start_new_session=True,
        limit=1 << 20,
    )
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            on_line(line.decode("utf-8", errors="replace").rstrip())
        return await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def main() -> None:
    die_with_parent()
    os.nice(_NICENESS)
    command = sys.argv[1:]
    try:
        os.execve(command[0], command, os.environ)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
