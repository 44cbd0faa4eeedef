"""A busy worker is not a dead one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.testing.v1 import EchoRequest

from .figures import Figures
from .registry_log import RegistryLog
from .served_mesh import REPLICAS

SHORT_S = 15.0
FULL_S = 60.0
GIL_S = 5.0


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Processes that want all the processor time there is."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


async def test_no_worker_leaves_a_machine_that_is_fully_loaded(
    log: RegistryLog, mesh: Mesh, figures: Figures
) -> None:
    cores = len(os.sched_getaffinity(0))
    duration_s = FULL_S if figures.full else SHORT_S
    scenario = f"{2 * cores} busy processes on {cores} cores for {duration_s:g} s"
    slowest_s = 0.0
    failed = 0
    with busy_processes(2 * cores):
        end = time.monotonic() + duration_s
        while (began := time.monotonic()) < end:
            requests = [EchoRequest(delay_s=0.05) for _ in range(8)]
            answers = [answer async for answer in mesh.stream(requests, timeout_s=10.0)]
            failed += sum(answer.error is not None for answer in answers)
            slowest_s = max(slowest_s, time.monotonic() - began)
    figures.count(scenario, "workers dropped", len(log.departures()), 0)
    figures.count(scenario, "failed calls", failed, 0)
    figures.seconds(scenario, "slowest round of 8 calls", slowest_s)
    assert log.watches == 1, "the registry itself was lost"


async def test_no_worker_leaves_while_a_tool_holds_the_interpreters_lock(
    log: RegistryLog, mesh: Mesh, figures: Figures
) -> None:
    scenario = f"a tool holds the GIL for {GIL_S:g} s"
    before = {worker.pid for worker in log.present.values()}
    # Both replicas at once, so that there is no other to fall back on.
    requests = [EchoRequest(delay_s=GIL_S, hold_gil=True) for _ in REPLICAS]
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(mesh.send(request, timeout_s=60)) for request in requests]
    assert time.monotonic() - began >= GIL_S
    assert {call.result().worker_id for call in calls} == set(REPLICAS)
    figures.count(scenario, "workers dropped", len(log.departures()), 0)
    assert {worker.pid for worker in mesh.workers()} == before
