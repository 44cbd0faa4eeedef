"""The mesh as tables: one row a tool, or one row a worker."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from thinkimg_rpc.v1 import AbsenceState, AbsentWorker, DeviceMemory, Worker, WorkerState

if TYPE_CHECKING:
    from thinkimg_rpc.check.replicas import Finding

_STATES = {
    WorkerState.WORKER_STATE_SERVING: Text("serving", "green"),
    WorkerState.WORKER_STATE_STALLED: Text("stalled", "yellow"),
    WorkerState.WORKER_STATE_DRAINING: Text("draining", "yellow"),
}
_ABSENCES = {
    AbsenceState.ABSENCE_STATE_BUILDING: Text("building", "yellow"),
    AbsenceState.ABSENCE_STATE_PENDING: Text("pending", "yellow"),
    AbsenceState.ABSENCE_STATE_STARTING: Text("starting", "yellow"),
    AbsenceState.ABSENCE_STATE_RESTARTING: Text("restarting", "yellow"),
    AbsenceState.ABSENCE_STATE_FAILED: Text("failed", "red"),
}
_UNKNOWN = Text("unknown", "red")


def tool_table(workers: Sequence[Worker]) -> Table:
    """Name, version, backend, replicas, health and load of each tool.

    Load is the calls running out of those that could run at once, over all
    workers that host the tool; a worker's calls count for each of its tools.
    """
    table = _table("tool", "version", "backend", "replicas", "health", "load")
    hosts: defaultdict[tuple[str, str, str], list[Worker]] = defaultdict(list)
    for worker in workers:
        for tool in worker.tools:
            hosts[tool.name, tool.version, tool.backend].append(worker)
    for (name, version, backend), hosting in sorted(hosts.items()):
        table.add_row(name, version, backend, str(len(hosting)), _health(hosting), _load(hosting))
    return table


def worker_table(workers: Sequence[Worker], now: float | None = None) -> Table:
    """Where each worker is, how it does, and what it has done since it started.

    `now` is a Unix time in seconds. Memory on accelerators is shown where there is any.
    """
    seconds = time.time() if now is None else now
    on_devices = any(worker.load.devices for worker in workers)
    table = _table(
        *("worker", "address", "state", "load", "calls", "reused", "refused", "faults", "memory"),
        *(["on devices"] if on_devices else []),
        *("up", "tools"),
    )
    for worker in sorted(workers, key=lambda worker: worker.id):
        load = worker.load
        table.add_row(
            worker.id,
            worker.address,
            _STATES.get(worker.state, _UNKNOWN),
            _load([worker]),
            str(load.calls),
            str(load.reused),
            str(load.caller_errors),
            Text(str(load.faults), "red" if load.faults else ""),
            _mib(load.resident_bytes),
            *(["\n".join(map(_on_device, load.devices))] if on_devices else []),
            _duration(seconds - worker.registered_at.ToMilliseconds() / 1000),
            ", ".join(tool.name for tool in worker.tools),
        )
    return table


def absent_table(absent: Sequence[AbsentWorker]) -> Table:
    """Which workers should serve and do not, and why."""
    table = _table("worker", "state", "reason")
    table.columns[-1].no_wrap = False
    for worker in absent:
        table.add_row(worker.id, _ABSENCES.get(worker.state, _UNKNOWN), Text(worker.reason))
    return table


def finding_table(findings: Sequence[Finding]) -> Table:
    """What `thinkimg check` found: a row for each tool at each worker."""
    from thinkimg_rpc.check.replicas import Verdict

    styles = {Verdict.OK: "green", Verdict.WRONG: "red", Verdict.FAILED: "red"}
    table = _table("tool", "worker", "backend", "ms", "verdict", "")
    for finding in sorted(findings, key=lambda finding: (finding.tool, finding.worker)):
        table.add_row(
            finding.tool,
            finding.worker,
            finding.backend,
            "" if finding.seconds is None else f"{finding.seconds * 1e3:.0f}",
            Text(finding.verdict.value, styles.get(finding.verdict, "yellow")),
            Text(finding.detail),
        )
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column != "tools")
    return table


def _health(workers: Sequence[Worker]) -> Text:
    states = Counter(worker.state for worker in workers)
    if len(states) == 1:
        return _STATES.get(workers[0].state, _UNKNOWN)
    serving = states[WorkerState.WORKER_STATE_SERVING]
    return Text(f"{serving} of {len(workers)} serving", "yellow")


def _load(workers: Sequence[Worker]) -> str:
    running = sum(worker.load.in_flight for worker in workers)
    places = sum(worker.concurrency for worker in workers)
    waiting = sum(worker.load.queued for worker in workers)
    return f"{running}/{places}" + (f", {waiting} waiting" if waiting else "")


def _on_device(memory: DeviceMemory) -> str:
    return f"{_mib(memory.reserved_bytes)} of {memory.device} {memory.name}".rstrip()


def _mib(nbytes: int) -> str:
    return f"{nbytes / (1 << 20):.0f} MiB"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{max(0, seconds):.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172800 else f"{seconds / 86400:.0f} d"
