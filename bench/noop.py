"""What the SDK adds to a call: a tool that does nothing, against bare grpc.aio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from bench.grid import IN_FLIGHT, Timings, grid_section, measure_grid
from bench.measure import Effort, Subject, ratio_of_rates
from bench.processes import echo_worker, serve_mesh, serve_yardstick
from bench.report import Goal, Section
from bench.yardsticks.grpc_echo import open_echo
from thinkimg_rpc.channel import open_channel
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.settings import LimitSettings
from thinkimg_rpc.testing.v1 import EchoRequest, EchoServiceStub

MESH, FRONT_DOOR, BARE = "mesh", "mesh, front door", "bare grpc.aio"
GOAL_BYTES = 300_000
GOAL_SHARE = 0.7
_SIZES = {"64 B": 64, "300 KB": GOAL_BYTES}


async def measure_noop(effort: Effort) -> list[Section]:
    """Echo through `Mesh`, through the front door, and as raw bytes through grpc.aio alone."""
    sections = []
    for label, size in _SIZES.items():
        async with _subjects(size) as subjects:
            timings = await measure_grid(subjects, effort)
        section = grid_section(f"A tool that does nothing, {label} there and back", timings, BARE)
        section.notes.append(
            "bare grpc.aio: returns the bytes it gets; the mesh's channel options and event loop."
        )
        if size == GOAL_BYTES:
            section.goals.append(_goal(timings))
        sections.append(section)
    return sections


@asynccontextmanager
async def _subjects(size: int) -> AsyncIterator[Mapping[str, Subject]]:
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(serve_mesh(echo_worker()))
        mesh = await stack.enter_async_context(Mesh(served.address))
        limit = LimitSettings().max_message_bytes
        door = await stack.enter_async_context(
            open_channel(served.address, max_message_bytes=limit)
        )
        bare = await stack.enter_async_context(serve_yardstick("bench.yardsticks.grpc_echo"))
        echo = await stack.enter_async_context(open_echo(bare.address))
        payload = bytes(size)
        request = EchoRequest(payload=payload)
        through_door = EchoServiceStub(door).Echo
        worker = served.worker_pids["echo-0"]
        yield {
            MESH: Subject(lambda _: mesh.send(request), (worker,)),
            FRONT_DOOR: Subject(
                lambda _: through_door(request, timeout=60), (worker, served.hub_pid)
            ),
            BARE: Subject(lambda _: echo(payload, timeout=60), (bare.pid,)),
        }


def _goal(timings: Timings) -> Goal:
    shares = {n: ratio_of_rates(timings[n], MESH, BARE) for n in IN_FLIGHT}
    seen = ", ".join(f"{share:.0%} with {n} in flight" for n, share in shares.items())
    return Goal(
        f"at least {GOAL_SHARE:.0%} of the calls of bare grpc.aio at 300 KB",
        seen,
        min(shares.values()) >= GOAL_SHARE,
    )
