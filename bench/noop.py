"""What the SDK adds to a call: a tool that does nothing, against bare grpc.aio."""

from __future__ import annotations

from bench.measure import Effort, Subject, Timing, compare, ratio_of_rates
from bench.processes import echo_worker, serve_mesh, serve_yardstick
from bench.report import Goal, Section, ms
from bench.yardsticks.grpc_echo import open_echo
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.testing.v1 import EchoRequest

SIZES = {"64 B": 64, "300 KB": 300_000}
IN_FLIGHT = (1, 8, 32)
GOAL_SHARE = 0.7
_SDK, _BARE = "mesh", "bare"


async def measure_noop(effort: Effort) -> Section:
    """Echo through `Mesh` and a worker, and as raw bytes through grpc.aio alone."""
    section = Section(
        "A tool that does nothing: the SDK against bare grpc.aio",
        (
            *("", "in flight", "mesh p50 ms", "p99", "calls/s", "CPU ms"),
            *("bare p50 ms", "p99", "calls/s", "CPU ms", "mesh / bare"),
        ),
    )
    shares = {}
    for label, size in SIZES.items():
        for in_flight in IN_FLIGHT:
            timings = await _compare(size, in_flight, effort)
            share = shares[label, in_flight] = ratio_of_rates(timings, _SDK, _BARE)
            cells = [*_cells(timings[_SDK]), *_cells(timings[_BARE])]
            section.rows.append((label, str(in_flight), *cells, f"{share:.0%}"))
    share = shares["300 KB", IN_FLIGHT[-1]]
    section.goals.append(
        Goal(
            f"at least {GOAL_SHARE:.0%} of the calls of bare grpc.aio at 300 KB",
            f"{share:.0%} with {IN_FLIGHT[-1]} in flight",
            share >= GOAL_SHARE,
        )
    )
    return section


async def _compare(size: int, in_flight: int, effort: Effort) -> dict[str, Timing]:
    payload = bytes(size)
    request = EchoRequest(payload=payload)
    async with (
        serve_mesh(echo_worker()) as served,
        Mesh(served.address) as mesh,
        serve_yardstick("bench.yardsticks.grpc_echo") as bare,
        open_echo(bare.address) as echo,
    ):
        subjects = {
            _SDK: Subject(lambda _: mesh.send(request), (served.worker_pids["echo-0"],)),
            _BARE: Subject(lambda _: echo(payload, timeout=60), (bare.pid,)),
        }
        return await compare(subjects, in_flight, effort)


def _cells(timing: Timing) -> tuple[str, ...]:
    return (
        ms(timing.quantile_s(0.5)),
        ms(timing.quantile_s(0.99)),
        f"{timing.rate:.0f}",
        ms(timing.cpu_s),
    )
