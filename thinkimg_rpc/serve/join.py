"""Tools of one's own, joined to a mesh that runs already: workers without a hub."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

import grpc.aio

from thinkimg_rpc.channel import call_metadata, open_channel
from thinkimg_rpc.serve.config import WorkerSection, check_tool
from thinkimg_rpc.serve.display import Display
from thinkimg_rpc.serve.mesh import REGISTRATION_S, STARTUP_S, refuse_if_all_failed
from thinkimg_rpc.serve.mesh_link import MeshLink
from thinkimg_rpc.serve.plan import Surroundings, local_host, make_log_dir, worker_specs
from thinkimg_rpc.serve.session import supervise
from thinkimg_rpc.serve.supervisor import Supervisor
from thinkimg_rpc.settings import MIB, CannotStart, LimitSettings, check_address
from thinkimg_rpc.status import from_rpc_error
from thinkimg_rpc.v1 import ListWorkersRequest, RegistryServiceStub

LOOKUP_S = 3.0


@dataclass(frozen=True)
class Joining:
    """Which tools join which mesh, and how many processes host them."""

    address: str
    """The mesh's front door, HOST:PORT."""
    tools: tuple[str, ...]
    replicas: int
    concurrency: int
    limits: LimitSettings


async def join_mesh(joining: Joining, shared: Surroundings, display: Display) -> int:
    """Serve the tools in the mesh until a signal comes; the exit status.

    Raises: CannotStart, when a tool is no tool or no mesh answers at the address.
    """
    for tool in joining.tools:
        check_tool(tool)
    host = local_host(joining.address)
    check_address(f"{host}:0", shared.tls, insecure=shared.insecure)
    await _look_for_mesh(joining.address, shared)
    make_log_dir(shared.log_dir)
    worker = WorkerSection(
        # Several may join the same tools, from several machines: ids must differ.
        name=f"{worker_name(joining.tools[0])}-{secrets.token_hex(2)}",
        tools=joining.tools,
        replicas=joining.replicas,
        concurrency=joining.concurrency,
    )
    specs = worker_specs(
        [worker],
        shared,
        limits=joining.limits,
        registry=joining.address,
        listen_host=host,
        advertise_host="",
    )

    async def body(supervisor: Supervisor) -> int:
        supervisor.start_workers(specs)
        return await _stay_joined(joining.address, shared, supervisor, display)

    return await supervise(body, display, shared.drain_s)


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


async def _look_for_mesh(address: str, shared: Surroundings) -> None:
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
            raise CannotStart(
                f"no mesh answers at {address}; start one with `thinkimg serve`, "
                "or name another with --address HOST:PORT"
            ) from error
        raise CannotStart(f"the mesh at {address} refuses us: {error.message}") from error
    finally:
        await channel.close(None)
