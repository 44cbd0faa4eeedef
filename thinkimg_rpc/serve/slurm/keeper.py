"""Cancels the jobs of a supervisor that has died without doing so itself.

The kernel ends a supervisor's processes with it, but knows nothing of its jobs. So a
program of its own is told of each of them, over a pipe that the kernel closes.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time

_COMMAND = (sys.executable, "-P", "-m", "thinkimg_rpc.serve.slurm.keeper")
ATTEMPTS = 12
PAUSE_S = 5.0

logger = logging.getLogger(__name__)


class Keeper:
    """The supervisor's end of the pipe; `close` it when no job is left, or they are cancelled."""

    def __init__(self) -> None:
        # A session of its own: what ends the supervisor must not end it too.
        self._process = subprocess.Popen(
            _COMMAND, stdin=subprocess.PIPE, text=True, bufsize=1, start_new_session=True
        )

    def add(self, job: int) -> None:
        self._tell(f"+{job}")

    def remove(self, job: int) -> None:
        self._tell(f"-{job}")

    def close(self) -> None:
        """Let it cancel what is left and end; nothing is waited for."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
        except OSError as error:
            logger.warning("nobody would cancel our SLURM jobs if we were killed: %s", error)


def main() -> None:
    jobs: set[str] = set()
    for line in sys.stdin:
        job = line[1:].strip()
        if line.startswith("+"):
            jobs.add(job)
        else:
            jobs.discard(job)
    for _ in range(ATTEMPTS):
        jobs = {job for job in jobs if not _cancel(job)}
        if not jobs:
            return
        time.sleep(PAUSE_S)
    sys.exit(f"SLURM has not ended these jobs; end them yourself: scancel {' '.join(sorted(jobs))}")


def _cancel(job: str) -> bool:
    """Whether SLURM has taken the order; a job that is over is no reason to come again."""
    done = subprocess.run(["scancel", job], capture_output=True, text=True, check=False)
    return done.returncode == 0 or "Invalid job id" in done.stderr


if __name__ == "__main__":
    main()
