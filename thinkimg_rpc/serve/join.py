"""Workers without a hub, which join a mesh that another machine or process serves."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import grpc.aio

from thinkimg_rpc.channel import call_metadata, open_channel
from thinkimg_rpc.local_host import local_host
from thinkimg_rpc.serve.config import WorkerSection, check_tool
from thinkimg_rpc.serve.display import Display
from thinkimg_rpc.serve.environments import WorkerEnvironment
from thinkimg_rpc.serve.mesh import REGISTRATION_S, STARTUP_S, refuse_if_all_failed
from thinkimg_rpc.serve.mesh_link import MeshLink
from thinkimg_rpc.serve.plan import Surroundings, make_log_dir, unique, with_others, worker_specs
from thinkimg_rpc.serve.session import supervise
from thinkimg_rpc.serve.supervisor import Supervisor
from thinkimg_rpc.settings import MIB, CannotStart, LimitSettings, check_address
from thinkimg_rpc.status import from_rpc_error
from thinkimg_rpc.v1 import ListWorkersRequest, RegistryServiceStub

LOOKUP_S = 3.0
PAUSE_S = 0.5


class NoMesh(CannotStart):
    """Nothing that is a mesh answers at an address."""


@dataclass(frozen=True)
class Joining:
    """Which workers join which mesh."""

    address: str
    """The mesh's front door, HOST:PORT."""
    workers: tuple[WorkerSection, ...]
    limits: LimitSettings
    environments: Mapping[str, WorkerEnvironment] = field(default_factory=dict)
    """Those that the workers name in `env`."""
    wait_s: float = 0.0
    """How long the mesh may take until it answers."""


async def join_mesh(joining: Joining, shared: Surroundings, display: Display) -> int:
    """Serve the workers in the mesh until a signal comes; the exit status.

    Raises: CannotStart, when no mesh answers at the address, or it refuses us.
    """
    host = local_host(joining.address)
    check_address(f"{host}:0", shared.tls, insecure=shared.insecure)
    registries = with_others(joining.address, shared)
    await _wait_for_mesh(registries, joining.wait_s, shared, display)
    make_log_dir(shared.log_dir)
    specs = worker_specs(
        [unique(worker) for worker in joining.workers],
        shared,
        limits=joining.limits,
        registry=joining.address,
        listen_host=host,
        advertise_host="",
        environments=joining.environments,
    )

    async def body(supervisor: Supervisor) -> int:
        supervisor.start_workers(specs)
        return await _stay_joined(registries, shared, supervisor, display)

    return await supervise(body, display, shared.drain_s)


def worker_of_tools(tools: tuple[str, ...], replicas: int, concurrency: int) -> WorkerSection:
    """The worker that hosts tools which no mesh.toml speaks of.

    Raises: CannotStart, when one of them does not name a tool class.
    """
    for tool in tools:
        check_tool(tool)
    return WorkerSection(
        name=worker_name(tools[0]), tools=tools, replicas=replicas, concurrency=concurrency
    )


def worker_name(tool: str) -> str:
    """ "my_package.my_tool:MyTool" -> "my-tool"."""
    class_name = tool.rpartition(":")[2].strip("_")
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_", "-", class_name)
    return words.lower()


async def _stay_joined(
    address: str, shared: Surroundings, supervisor: Supervisor, display: Display
) -> int:
    def on_link(connected: bool) -> None:
        if connected:
            display.say(f"the mesh at {address} is back")
        else:
            display.say(f"the mesh at {address} is gone; the workers join again when it is back")

    async with MeshLink(address, supervisor, token=shared.token, tls=shared.tls) as link:
        await link.wait_registered(STARTUP_S, REGISTRATION_S)
        ours = {child.spec.name for child in supervisor.workers}
        workers = {id: worker for id, worker in link.roster.workers.items() if id in ours}
        refuse_if_all_failed(supervisor.workers)
        display.table(f"joined the mesh at {address}", supervisor.children, workers)
        link.on_link = on_link
        await supervisor.wait_all_failed()
    raise CannotStart("no worker is left that can start")


async def _wait_for_mesh(
    registries: str, wait_s: float, shared: Surroundings, display: Display
) -> None:
    """Wait until one of the registries answers. Raises: CannotStart."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    told = False
    while True:
        try:
            return await _look_for_mesh(registries, shared)
        except NoMesh:
            if loop.time() - began >= wait_s:
                raise
        if not told:
            display.say(f"waiting {wait_s:g} s for a mesh at {registries}")
            told = True
        await asyncio.sleep(PAUSE_S)


async def _look_for_mesh(registries: str, shared: Surroundings) -> None:
    *others, last = registries.split(",")
    for address in others:
        with suppress(NoMesh):
            return await _look_at(address, shared)
    await _look_at(last, shared)


async def _look_at(address: str, shared: Surroundings) -> None:
    channel = open_channel(address, max_message_bytes=4 * MIB, tls=shared.tls)
    try:
        await RegistryServiceStub(channel).ListWorkers(
            ListWorkersRequest(), metadata=call_metadata(shared.token), timeout=LOOKUP_S
        )
    except grpc.aio.AioRpcError as failure:
        error = from_rpc_error(failure)
        if failure.code() in (
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED,
            grpc.StatusCode.UNIMPLEMENTED,
        ):
            raise NoMesh(
                f"no mesh answers at {address}; start one with `thinkimg serve`, "
                f"or name another with --address HOST:PORT{_about_tls(error.message, shared)}"
            ) from error
        raise CannotStart(f"the mesh at {address} refuses us: {error.message}") from error
    finally:
        await channel.close(None)


def _about_tls(message: str, shared: Surroundings) -> str:
    """What to look at where the certificates may be why nobody answers."""
    if "CERTIFICATE_VERIFY_FAILED" in message:
        return "; its certificate is not of the authority in ca of [tls], or names another host"
    if shared.tls is not None and "refused" not in message:
        return "; it may not trust the authority that signed cert of [tls]"
    return ""
