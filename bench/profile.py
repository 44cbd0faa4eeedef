"""Where the time goes: `python -m bench.profile [rollout|crop|noop]`.

Runs one workload through the mesh while py-spy watches the worker and this
client, native frames included. Attaching needs the right to trace processes
(on most Linux machines: root).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.chart import chart_png
from bench.environment import restart_as_a_worker_runs
from bench.measure import Call, Effort, Subject, compare
from bench.mesh import DirectCalls
from bench.processes import echo_worker, image_worker, serve_mesh
from bench.report import Section, open_console, print_section
from bench.workload import crop_step, run_rollouts
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.testing.v1 import EchoRequest

WORKLOADS = {"rollout": 1, "crop": 8, "noop": 8}
"""Name -> calls in flight."""
RATE_HZ = 200
TOP = 12

_WAITING = re.compile(
    r"epoll|cond_(timed)?wait|futex|wait4|PyThread_acquire_lock|PyEval_RestoreThread|take_gil"
)
_LAYERS = {
    name: re.compile(pattern)
    for name, pattern in {
        "PNG encoding": r"imaging/png|encode_png|isal",
        "sha256": r"digest\.py|libcrypto|_hashlib",
        "protobuf": r"_upb|_message\.|google/protobuf",
        "gRPC": r"cygrpc|grpc/",
        "the tools": r"thinkimg_workers",
        "the worker": r"thinkimg_rpc/(server|imaging|tool|testing|rules|digest)",
        "the client": r"thinkimg_rpc/|bench/",
        "asyncio": r"asyncio|selectors",
    }.items()
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.profile")
    parser.add_argument("workload", nargs="?", default="rollout", choices=WORKLOADS)
    parser.add_argument("--seconds", type=int, default=8)
    options = parser.parse_args()
    restart_as_a_worker_runs("bench.profile")
    asyncio.run(_profile(options.workload, options.seconds))


async def _profile(workload: str, seconds: int) -> None:
    console = open_console()
    async with _prepared(workload) as (subject, worker_pid):
        in_flight = WORKLOADS[workload]
        timing = (await compare({workload: subject}, in_flight, Effort(3, 1.0)))[workload]
        cpu_ms = timing.cpu_s * 1e3
        console.print(f"{workload}: {timing.rate:.0f}/s, {cpu_ms:.3g} ms of processor time each\n")
        calls = len(timing.latencies_s)
        with TemporaryDirectory() as folder:
            outputs = {"worker": Path(folder, "worker"), "client": Path(folder, "client")}
            watchers = [
                await _watch(worker_pid, seconds, outputs["worker"]),
                await _watch(os.getpid(), seconds, outputs["client"]),
            ]
            await compare({workload: subject}, in_flight, Effort(1, seconds))
            await asyncio.gather(*(watcher.wait() for watcher in watchers))
            for side, cpu_s in (("worker", timing.server_cpu_s), ("client", timing.client_cpu_s)):
                stacks = list(_busy_stacks(outputs[side].read_text().splitlines()))
                print_section(_summary(side, stacks, cpu_s * 1e3 / calls), console)


@asynccontextmanager
async def _prepared(workload: str) -> AsyncIterator[tuple[Subject, int]]:
    section = echo_worker() if workload == "noop" else image_worker()
    async with serve_mesh(section) as served, Mesh(served.address) as mesh:
        (pid,) = served.worker_pids.values()
        calls = DirectCalls(mesh)
        chart = await calls.open(chart_png())
        request = EchoRequest(payload=bytes(300_000))
        call: dict[str, Call] = {
            "rollout": lambda number: run_rollouts(calls, chart, number),
            "crop": lambda number: calls.run(crop_step(number), chart),
            "noop": lambda number: mesh.send(request),
        }
        yield Subject(call[workload], (pid,)), pid


async def _watch(pid: int, seconds: int, output: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("py-spy")), "record", "--native", "--threads"),
        *("--pid", str(pid), "--rate", str(RATE_HZ), "--duration", str(seconds)),
        *("--format", "raw", "--output", str(output)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


def _busy_stacks(lines: Iterable[str]) -> Iterable[tuple[list[str], int]]:
    """Stacks, outermost frame first, with their samples; threads that wait are left out."""
    for line in lines:
        text, _, samples = line.rpartition(" ")
        frames = text.split(";")
        if not any(_WAITING.search(frame) for frame in frames[-3:]):
            yield frames, int(samples)


def _summary(side: str, stacks: list[tuple[list[str], int]], cpu_ms: float) -> Section:
    total = sum(samples for _, samples in stacks)
    section = Section(f"{side}: {cpu_ms:.3g} ms of processor time", ("", "share", "ms"))
    layers: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for frames, samples in stacks:
        layers[_layer(frames)] += samples
        functions[_python_function(frames)] += samples
    for counted in (layers.most_common(), functions.most_common(TOP)):
        for name, samples in counted:
            share = samples / total
            section.rows.append((name, f"{share:.0%}", f"{share * cpu_ms:.3f}"))
        section.rows.append(("", "", ""))
    section.notes.append("By layer, then by the innermost Python function.")
    return section


def _layer(frames: list[str]) -> str:
    """The layer of the innermost frame that belongs to one."""
    for frame in reversed(frames):
        for name, pattern in _LAYERS.items():
            if pattern.search(frame):
                return name
    return "the rest"


def _python_function(frames: list[str]) -> str:
    for frame in reversed(frames):
        if ".py:" in frame:
            return re.sub(r":\d+\)", ")", frame)
    return "native threads"


if __name__ == "__main__":
    main()
