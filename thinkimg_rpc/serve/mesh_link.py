"""The supervisor and the registry: what no longer answers is replaced, what is absent told.

A process that dies is its parent's to notice. One that is stopped, or hangs
for good, is noticed by the registry, whose pings it leaves unanswered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from thinkimg_rpc.channel import open_channel
from thinkimg_rpc.serve.absences import AbsenceReport
from thinkimg_rpc.serve.child import Child, ChildState
from thinkimg_rpc.serve.roster import Roster
from thinkimg_rpc.serve.supervisor import Supervisor
from thinkimg_rpc.settings import MIB, TlsSettings
from thinkimg_rpc.v1 import Worker, WorkerState

RETURN_GRACE_S = 1.5
"""A worker that lost its lease may take it again: reconnecting takes 0.1-1 s."""
HUB_SILENCE_S = 5.0
"""A hub that accepts no connection for this long is replaced, if its process is there."""


class MeshLink:
    """Follows the registry at `address` while it is entered, for one supervisor's children."""

    def __init__(
        self,
        address: str,
        supervisor: Supervisor,
        *,
        token: str,
        tls: TlsSettings | None,
    ) -> None:
        self._supervisor = supervisor
        self._channel = open_channel(address, max_message_bytes=4 * MIB, tls=tls)
        self.on_link: Callable[[bool], None] = lambda _: None
        """Called with False when the registry is lost, and with True when it is back."""
        self._tasks: set[asyncio.Task[None]] = set()
        self.roster = Roster(
            self._channel,
            token,
            on_listed=self._worker_listed,
            on_gone=self._worker_gone,
            on_link=self._link_changed,
        )
        self._report = AbsenceReport(self._channel, token, supervisor)

    async def __aenter__(self) -> MeshLink:
        self._start(self.roster.follow())
        self._start(self._report.follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await self._channel.close(None)

    async def wait_registered(self, startup_s: float, registration_s: float) -> None:
        """Wait until whoever can serve does, and the registry knows; each for so long."""
        await self._supervisor.wait_settled(startup_s)
        workers = self._supervisor.workers
        up = {child.spec.name for child in workers if child.state is ChildState.SERVING}
        await self.roster.wait_for(up, registration_s)

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _worker_listed(self, worker: Worker) -> None:
        child = self._supervisor.worker(worker.id)
        if child is not None:
            child.lease_began(worker)

    def _worker_gone(self, worker: Worker) -> None:
        child = self._supervisor.worker(worker.id)
        if child is None or child.pid != worker.pid:
            return
        child.lease_ended()
        if worker.state != WorkerState.WORKER_STATE_DRAINING:
            self._start(self._replace_unless_back(child, worker.pid))

    async def _replace_unless_back(self, child: Child, pid: int) -> None:
        await asyncio.sleep(RETURN_GRACE_S)
        back = child.spec.name in self.roster.workers
        if child.pid == pid and not back and self.roster.connected:
            child.replace("it answered no pings, so the registry dropped it")

    def _link_changed(self, connected: bool) -> None:
        self.on_link(connected)
        hub = self._supervisor.hub
        if not connected and hub is not None and hub.pid is not None:
            self._start(self._replace_silent_hub(hub, hub.pid))

    async def _replace_silent_hub(self, hub: Child, pid: int) -> None:
        await asyncio.sleep(HUB_SILENCE_S)
        if hub.pid == pid and hub.state is ChildState.SERVING and not self.roster.connected:
            hub.replace(f"it accepted no connection for {HUB_SILENCE_S:g} s")
