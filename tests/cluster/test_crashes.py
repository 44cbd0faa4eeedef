"""Workers as SLURM jobs that die or hang take no call with them, as on one machine."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from thinkimg_rpc.client import Mesh

from ..resilience.figures import Figures
from ..resilience.load import run_calls
from ..resilience.registry_log import RegistryLog, registry_log
from ..resilience.served_mesh import MESH_TOML, REPLICAS
from ..resilience.test_lost_worker import VICTIM, Blow, check, echo_calls
from ..thinkimg_rpc.running_mesh import RunningServe

CALLS = 1000
IN_FLIGHT = 32
PATIENCE_S = 90.0
"""A job must be seen to be over, submitted again, and given a place."""


@pytest.fixture(scope="module")
def address(slurm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The front door of two replicas of Echo, each a job."""
    folder = tmp_path_factory.mktemp("crashes")
    (folder / "mesh.toml").write_text(MESH_TOML)
    with RunningServe(["--launcher", "slurm"], folder) as serve:
        yield serve.wait_served(PATIENCE_S)
        serve.interrupt()
        assert serve.wait_ended(PATIENCE_S) == 0


@pytest.fixture
async def log(address: str) -> AsyncIterator[RegistryLog]:
    async with registry_log(address) as following:
        await following.until(lambda: following.present.keys() == set(REPLICAS), PATIENCE_S)
        yield following


@pytest.fixture
async def mesh(address: str) -> AsyncIterator[Mesh]:
    async with Mesh(address) as connected:
        yield connected


@pytest.mark.parametrize(
    ("number", "dropped_s"), [(signal.SIGKILL, 1.0), (signal.SIGSTOP, 5.0)], ids=["killed", "hung"]
)
async def test_a_lost_job_costs_no_call_and_another_takes_its_place(
    log: RegistryLog, mesh: Mesh, number: signal.Signals, dropped_s: float
) -> None:
    scenario = f"{number.name} to one of two SLURM jobs, {CALLS} calls, {IN_FLIGHT} in flight"
    figures = Figures()
    blow = Blow(log, number)
    struck = log.present[VICTIM].pid
    outcome = await run_calls(echo_calls(mesh), CALLS, IN_FLIGHT, blow.strike)
    check(figures, scenario, outcome)
    figures.seconds(scenario, "dropped by the registry", await blow.dropped_s(), dropped_s)
    await log.first(
        lambda s: not s.left and s.worker.id == VICTIM and s.worker.pid != struck, PATIENCE_S
    )


async def test_a_drained_job_finishes_what_it_has(log: RegistryLog, mesh: Mesh) -> None:
    blow = Blow(log, signal.SIGTERM)
    outcome = await run_calls(echo_calls(mesh), CALLS, IN_FLIGHT, blow.strike)
    check(Figures(), "SIGTERM to one of two SLURM jobs", outcome)
    await blow.dropped_s()
