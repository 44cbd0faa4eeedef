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
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bench.chart import chart_png
from bench.environment import restart_as_a_worker_runs
from bench.measure import Call, Effort, Subject, Timing, compare
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
UNWATCHED_S = 4.0

_WAITING = re.compile(
    r"epoll|cond_(timed)?wait|futex|wait4|PyThread_acquire_lock|PyEval_RestoreThread|take_gil"
)
_THREAD = re.compile(r"thread \((\d+)\)")
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
        pids = {"worker": worker_pid, "client": os.getpid()}
        before = {side: _thread_cpu_s(pid) for side, pid in pids.items()}
        timing = await _load(subject, WORKLOADS[workload], UNWATCHED_S)
        after = {side: _thread_cpu_s(pid) for side, pid in pids.items()}
        calls = len(timing.latencies_s)
        console.print(f"{workload}: {timing.rate:.0f}/s\n")
        with TemporaryDirectory() as folder:
            outputs = {side: Path(folder, side) for side in pids}
            watchers = [await _watch(pids[side], seconds, outputs[side]) for side in pids]
            await _load(subject, WORKLOADS[workload], seconds)
            await asyncio.gather(*(watcher.wait() for watcher in watchers))
            for side, cpu_s in (("worker", timing.server_cpu_s), ("client", timing.client_cpu_s)):
                used = {n: s - before[side].get(n, 0.0) for n, s in after[side].items()}
                # The rounds' own: `used` has the warm-up in it.
                scale = cpu_s * 1e3 / calls / sum(used.values())
                cpu_ms = {n: s * scale for n, s in used.items()}
                stacks = _busy_stacks(outputs[side].read_text().splitlines())
                print_section(_summary(side, weigh(stacks, cpu_ms), cpu_ms), console)


async def _load(subject: Subject, in_flight: int, seconds: float) -> Timing:
    return (await compare({"it": subject}, in_flight, Effort(1, seconds)))["it"]


def _thread_cpu_s(pid: int) -> dict[int, float]:
    """Seconds of processor time by thread number."""
    threads = psutil.Process(pid).threads()
    return {thread.id: thread.user_time + thread.system_time for thread in threads}


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


def _busy_stacks(lines: Iterable[str]) -> Iterator[tuple[list[str], int]]:
    """Stacks, outermost frame first, with their samples; threads that wait are left out."""
    for line in lines:
        text, _, samples = line.rpartition(" ")
        frames = text.split(";")
        if not any(_WAITING.search(frame) for frame in frames[-3:]):
            yield frames, int(samples)


def weigh(
    stacks: Iterable[tuple[list[str], int]], cpu_ms: Mapping[int, float]
) -> Iterator[tuple[list[str], float]]:
    """Stacks with their milliseconds: each thread's processor time, shared by its samples.

    The samples alone mislead, because taking them stops the process: they say
    what a thread does, and the kernel says how long it runs. Threads that are
    none of Python's belong to gRPC.
    """
    by_thread: dict[int, list[tuple[list[str], int]]] = {}
    for frames, samples in stacks:
        number = _THREAD.match(frames[0])
        by_thread.setdefault(int(number[1]) if number else 0, []).append((frames, samples))
    for thread, ms in cpu_ms.items():
        seen = by_thread.get(thread, [(["native threads (grpc/)"], 1)])
        total = sum(samples for _, samples in seen)
        yield from ((frames, ms * samples / total) for frames, samples in seen)


def _summary(
    side: str, stacks: Iterable[tuple[list[str], float]], cpu_ms: Mapping[int, float]
) -> Section:
    total_ms = sum(cpu_ms.values())
    section = Section(f"{side}: {total_ms:.3g} ms of processor time", ("", "share", "ms"))
    layers: defaultdict[str, float] = defaultdict(float)
    functions: defaultdict[str, float] = defaultdict(float)
    for frames, ms in stacks:
        layers[_layer(frames)] += ms
        functions[_python_function(frames)] += ms
    for counted in (layers, functions):
        largest = sorted(counted.items(), key=lambda item: -item[1])
        for name, ms in largest[:TOP]:
            section.rows.append((name, f"{ms / total_ms:.0%}", f"{ms:.3f}"))
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
    return "threads of gRPC's own"


if __name__ == "__main__":
    main()
