"""`python -m bench`: what is measured, on this machine, now."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from rich.console import Console

from bench.arena import open_arena
from bench.measure import Effort
from bench.noop import measure_noop
from bench.processes import worker_environment
from bench.report import Section, print_section
from bench.rollout import measure_rollouts

PARTS = ("rollout", "noop")


def main() -> None:
    options = _parse()
    _run_as_a_worker_would()
    asyncio.run(_bench(options))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument(
        "--only", default=",".join(PARTS), metavar="PARTS", help=f"some of {','.join(PARTS)}"
    )
    return parser.parse_args()


def _run_as_a_worker_would() -> None:
    """Start again with the environment that the supervisor gives to workers.

    So that the allocator's settings, which are read once at the start, are the
    same in every process of the benchmark, the client's included.
    """
    if "MALLOC_TRIM_THRESHOLD_" not in os.environ:
        command = [sys.executable, "-m", "bench", *sys.argv[1:]]
        os.execve(sys.executable, command, worker_environment())


async def _bench(options: argparse.Namespace) -> None:
    console = Console(width=None if sys.stdout.isatty() else 160)
    parts = options.only.split(",")
    effort = Effort(3, 0.3) if options.quick else Effort(7, 0.5)

    def show(section: Section) -> None:
        print_section(section, console)

    if "rollout" in parts:
        async with open_arena() as entrants:
            show(await measure_rollouts(entrants, effort))
    if "noop" in parts:
        show(await measure_noop(effort))


if __name__ == "__main__":
    main()
