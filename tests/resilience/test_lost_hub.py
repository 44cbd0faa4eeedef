"""Registry and front door may die: who knows the workers goes on calling them."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.testing.v1 import EchoRequest, EchoResponse

from .figures import Figures
from .load import run_calls
from .registry_log import RegistryLog, Sighting
from .served_mesh import REPLICAS, ServedMesh

CALLS = 2000
IN_FLIGHT = 32
WAIT_S = 30.0


async def _listed_again(log: RegistryLog, worker_id: str) -> Sighting:
    """The first that the new registry says of a worker."""
    return await log.first(lambda s: s.watch > 1 and s.worker.id == worker_id, WAIT_S)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_direct_clients_lose_nothing_and_the_workers_register_again(
    served: ServedMesh, log: RegistryLog, mesh: Mesh, figures: Figures, number: signal.Signals
) -> None:
    scenario = f"{number.name} to the hub, {CALLS} direct calls, {IN_FLIGHT} in flight"
    struck = 0.0

    def strike_hub() -> None:
        nonlocal struck
        os.kill(served.hub_pid(), number)
        struck = time.monotonic()

    async def send(number: int) -> EchoResponse:
        # The delay makes the run last longer than the hub is away.
        request = EchoRequest(text=str(number), delay_s=0.03)
        response: EchoResponse = await mesh.send(request, timeout_s=10.0)
        return response

    before = {worker.id: worker.pid for worker in log.present.values()}
    outcome = await run_calls(send, CALLS, IN_FLIGHT, strike_hub)
    figures.count(scenario, "failed calls", len(outcome.failures), 0)
    assert outcome.mixed_up == 0
    figures.seconds(scenario, "slowest call", outcome.slowest_s)
    back = [await _listed_again(log, worker_id) for worker_id in REPLICAS]
    last = max(sighting.moment for sighting in back)
    figures.seconds(scenario, "both workers registered again", last - struck, 3.0)
    assert {s.worker.id: s.worker.pid for s in back} == before


async def test_a_client_finds_workers_that_come_while_the_hub_is_new(
    served: ServedMesh, log: RegistryLog, mesh: Mesh
) -> None:
    before = {worker.pid for worker in mesh.workers()}
    os.kill(served.hub_pid(), signal.SIGKILL)
    await log.until(lambda: log.watches > 1 and len(log.present) == len(REPLICAS), WAIT_S)
    os.kill(log.present[REPLICAS[0]].pid, signal.SIGKILL)
    async with asyncio.timeout(WAIT_S):
        while len({worker.pid for worker in mesh.workers()} - before) == 0:
            await mesh.send(EchoRequest(text="still there"), timeout_s=5.0)
