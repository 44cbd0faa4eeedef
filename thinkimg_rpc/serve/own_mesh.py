"""A mesh for one program alone, served as long as that runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from thinkimg_rpc.serve.child import Child, ChildState
from thinkimg_rpc.serve.config import MeshConfig, find_config, load_config
from thinkimg_rpc.serve.mesh import refuse_if_all_failed, start_processes
from thinkimg_rpc.serve.mesh_link import MeshLink
from thinkimg_rpc.serve.plan import make_log_dir, surroundings
from thinkimg_rpc.serve.supervisor import Supervisor
from thinkimg_rpc.settings import token_from_environment

STARTUP_S = 600.0
"""Models are loaded, and environments built, before the first call."""
REGISTRATION_S = 10.0


@asynccontextmanager
async def own_mesh(
    config: MeshConfig | None = None, *, say: Callable[[str], None] = print
) -> AsyncIterator[str]:
    """Serve a mesh on a free port of this machine; its HOST:PORT, once all its tools are up.

    `config` is ./mesh.toml, or the shipped one, if left out; its TLS is not for a mesh that
    nobody else calls. The token is that of the environment, as clients have it. `say` is
    told of workers that fail. Unlike `thinkimg serve` it leaves signals alone: it ends with
    the block it is used in, and with this process, however that ends.

    Raises: CannotStart, when the configuration or the machine does not allow it.
    """
    config = _on_a_free_port(config or load_config(find_config(None)))
    told: set[str] = set()

    def changed(child: Child) -> None:
        if child.state in (ChildState.FAILED, ChildState.RESTARTING) and child.reason not in told:
            told.add(child.reason)
            say(f"{child.spec.name}: {child.reason}")

    with TemporaryDirectory(prefix="thinkimg-logs-") as logs:
        shared = surroundings(config, token_from_environment())
        if not config.mesh.log_dir:
            shared = replace(shared, log_dir=Path(logs))
        make_log_dir(shared.log_dir)
        async with Supervisor(changed) as supervisor:
            _, address = await start_processes(config, shared, supervisor)
            async with MeshLink(address, supervisor, token=shared.token, tls=None) as link:
                await _wait_decided(supervisor.workers)
                await link.wait_registered(STARTUP_S, REGISTRATION_S)
                refuse_if_all_failed(supervisor.workers)
                yield address
            await supervisor.drain(shared.drain_s)


def _on_a_free_port(config: MeshConfig) -> MeshConfig:
    mesh = msgspec.structs.replace(
        config.mesh, address="127.0.0.1:0", advertise_host="", xds_port=0
    )
    return msgspec.structs.replace(config, mesh=mesh, tls=None)


async def _wait_decided(workers: list[Child]) -> None:
    """Wait until each worker serves, has failed, or has had to be started again."""

    def decided(child: Child) -> bool:
        undecided = (ChildState.BUILDING, ChildState.PENDING, ChildState.STARTING)
        return child.starts > 1 or child.state not in undecided

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STARTUP_S):
            for child in workers:
                await child.wait_until(decided)
