"""A whole mesh on this machine: the hub, and the workers that `mesh.toml` names."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from thinkimg_rpc.serve.child import Child, ChildState
from thinkimg_rpc.serve.config import MeshConfig
from thinkimg_rpc.serve.display import Display
from thinkimg_rpc.serve.mesh_link import MeshLink
from thinkimg_rpc.serve.plan import (
    Surroundings,
    advertised_host,
    dialable,
    hub_spec,
    make_log_dir,
    surroundings,
    unique,
    worker_environments,
    worker_specs,
)
from thinkimg_rpc.serve.session import supervise
from thinkimg_rpc.serve.supervisor import Supervisor
from thinkimg_rpc.settings import CannotStart, check_address
from thinkimg_rpc.v1 import Worker

STARTUP_S = 10.0
"""After this long the table is printed; whoever is not up yet is shown as starting."""
REGISTRATION_S = 5.0
HUB_ATTEMPTS = 4
"""A hub that has never served after so many starts is given up."""


async def serve_mesh(config: MeshConfig, token: str, display: Display) -> int:
    """Serve until a signal comes; the exit status. Without workers: the hub alone.

    Raises: CannotStart, when the configuration or the machine does not allow it.
    """
    check_address(config.mesh.address, config.tls, insecure=config.mesh.insecure)
    shared = surroundings(config, token)
    make_log_dir(shared.log_dir)

    async def body(supervisor: Supervisor) -> int:
        return await _serve(config, shared, supervisor, display)

    return await supervise(body, display, shared.drain_s)


async def _serve(
    config: MeshConfig, shared: Surroundings, supervisor: Supervisor, display: Display
) -> int:
    hub, address = await start_processes(config, shared, supervisor)
    async with MeshLink(dialable(address), supervisor, token=shared.token, tls=shared.tls) as link:
        await link.wait_registered(STARTUP_S, REGISTRATION_S)
        refuse_if_all_failed(supervisor.workers)
        headline = f"mesh serving at {address}, {_count_tools(link.roster.workers)}"
        if config.mesh.xds_port:
            headline += f", xds at {address.rpartition(':')[0]}:{config.mesh.xds_port}"
        display.table(headline, supervisor.children, link.roster.workers)
        await _wait_for_the_end(hub, supervisor, link)
    raise CannotStart(f"the hub cannot go on: {hub.reason}")


async def start_processes(
    config: MeshConfig, shared: Surroundings, supervisor: Supervisor
) -> tuple[Child, str]:
    """Start the hub and all workers; the hub, once it serves, and its address.

    Raises: CannotStart.
    """
    address = config.mesh.address
    hub = supervisor.start_hub(hub_spec(config, shared, address))
    if address.endswith(":0"):
        await _wait_up(hub)
        address = hub.address
        # Should it be restarted, it must come back where everybody knows it.
        hub.spec = hub_spec(config, shared, address)
    listen_host = address.rpartition(":")[0]
    supervisor.start_workers(
        worker_specs(
            [unique(worker) for worker in config.worker] if config.mesh.store else config.worker,
            shared,
            limits=config.limits,
            registry=dialable(address),
            listen_host=listen_host,
            advertise_host=config.mesh.advertise_host or advertised_host(listen_host),
            environments=worker_environments(config, shared),
        )
    )
    await _wait_up(hub)
    return hub, address


def refuse_if_all_failed(workers: Sequence[Child]) -> None:
    """Raises: CannotStart, with the reasons, when no worker is left that could ever serve.

    Where there is none at all, they are served elsewhere.
    """
    if workers and all(child.state is ChildState.FAILED for child in workers):
        reasons = dict.fromkeys(child.reason for child in workers)
        raise CannotStart(f"no worker can start: {'; '.join(reasons)}")


async def _wait_for_the_end(hub: Child, supervisor: Supervisor, link: MeshLink) -> None:
    """Wait until the hub cannot go on.

    Raises: CannotStart, when all workers have failed late, for want of an environment,
    and no others have joined.
    """
    end = asyncio.ensure_future(hub.wait_until(lambda hub: hub.state is ChildState.FAILED))
    failed = asyncio.ensure_future(supervisor.wait_all_failed())
    try:
        await asyncio.wait({end, failed}, return_when=asyncio.FIRST_COMPLETED)
        if not end.done() and not link.roster.workers:
            refuse_if_all_failed(supervisor.workers)
        await end
    finally:
        end.cancel()
        failed.cancel()


async def _wait_up(hub: Child) -> None:
    def decided(hub: Child) -> bool:
        gave_up = hub.state is ChildState.RESTARTING and hub.starts >= HUB_ATTEMPTS
        return gave_up or hub.state in (ChildState.SERVING, ChildState.FAILED)

    await hub.wait_until(decided)
    if hub.state is ChildState.FAILED:
        raise CannotStart(hub.reason)
    if hub.state is ChildState.RESTARTING:
        raise CannotStart(f"the hub does not start: {hub.reason} (log: {hub.spec.log})")


def _count_tools(workers: Mapping[str, Worker]) -> str:
    names = {tool.name for worker in workers.values() for tool in worker.tools}
    return f"{len(names)} tool" + ("" if len(names) == 1 else "s")
