"""The machine, and the environment that every process of a benchmark runs in."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from bench.processes import worker_environment

_PACKAGES = ("grpcio", "protobuf", "numpy", "opencv-python-headless", "isal", "fastapi", "aiohttp")


def restart_as_a_worker_runs(module: str) -> None:
    """Start `python -m MODULE` again, with the environment the supervisor gives to workers.

    So that the allocator's settings, which are read once at the start, are the
    same in every process of the benchmark, the client's included.
    """
    if "MALLOC_TRIM_THRESHOLD_" not in os.environ:
        command = [sys.executable, "-m", module, *sys.argv[1:]]
        os.execve(sys.executable, command, worker_environment())


def describe_machine() -> str:
    """One line: processor, Python, the packages whose versions matter, and how busy it is."""
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    busy = ", busy with other work: trust ratios and CPU ms only" if load > cores / 2 else ""
    return (
        f"{cores} cores of {_processor()} (load average before: {load:.1f}{busy}), "
        f"Python {platform.python_version()}, {packages}"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
