"""All processes of a mesh, and its SLURM jobs, kept alive together and stopped together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from thinkimg_rpc.serve.child import Child, ChildSpec, ChildState
from thinkimg_rpc.serve.slurm.child import SlurmChild
from thinkimg_rpc.serve.slurm.job_queue import JobQueue

KILL_MARGIN_S = 1.0
"""How much longer than its drain time a process gets before it is killed."""
HUB_DRAIN_S = 0.5
"""How long the hub gets once no worker is left to answer anything."""


class Supervisor:
    """Runs children side by side: what happens to one never touches another.

    Use it as an async context manager: leaving it, however that happens, leaves
    no process behind.
    """

    def __init__(self, on_change: Callable[[Child], None]) -> None:
        self._on_change = on_change
        self.changed = asyncio.Event()
        """Set when the state of a child changes, and replaced by another then."""
        self._jobs = JobQueue()
        self.hub: Child | None = None
        self._workers: dict[str, Child] = {}
        self._tasks: dict[Child, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Supervisor:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.kill()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._jobs.close()

    @property
    def children(self) -> list[Child]:
        """The hub first, then the workers in the order they were added."""
        return ([self.hub] if self.hub else []) + self.workers

    def start_hub(self, spec: ChildSpec) -> Child:
        """Start the process that goes last when the mesh stops."""
        self.hub = self._start(spec)
        return self.hub

    def start_workers(self, specs: Iterable[ChildSpec]) -> None:
        """Start worker processes, all at once."""
        for spec in specs:
            self._workers[spec.name] = self._start(spec)

    @property
    def workers(self) -> list[Child]:
        """In the order they were added."""
        return list(self._workers.values())

    def worker(self, name: str) -> Child | None:
        """The worker of that name, if it is one of ours."""
        return self._workers.get(name)

    async def wait_settled(self, timeout_s: float) -> None:
        """Wait until every child serves or has failed once, or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                for child in self.children:
                    await child.wait_until(lambda child: child.settled)

    async def wait_all_failed(self) -> None:
        """Wait until no worker is left that could ever serve."""
        for child in self.workers:
            await child.wait_until(lambda child: child.state is ChildState.FAILED)

    async def drain(self, drain_s: float) -> None:
        """Stop: the workers finish what they have, then the hub goes.

        A process that takes longer than `drain_s` and a margin is killed.
        """
        for child in self.workers:
            child.terminate()
        await self._wait_gone(self.workers, drain_s + KILL_MARGIN_S)
        if self.hub is not None:
            self.hub.terminate()
            await self._wait_gone([self.hub], HUB_DRAIN_S)

    def kill(self) -> None:
        """End every process at once."""
        for child in self.children:
            child.kill()

    def _start(self, spec: ChildSpec) -> Child:
        if spec.slurm is None:
            child = Child(spec, self._child_changed)
        else:
            child = SlurmChild(spec, self._child_changed, self._jobs)
        self._tasks[child] = asyncio.create_task(child.run(), name=spec.name)
        return child

    def _child_changed(self, child: Child) -> None:
        self._on_change(child)
        self.changed.set()
        self.changed = asyncio.Event()

    async def _wait_gone(self, children: list[Child], timeout_s: float) -> None:
        tasks = [self._tasks[child] for child in children]
        if not tasks:
            return
        await asyncio.wait(tasks, timeout=timeout_s)
        for child in children:
            child.kill()
        await asyncio.wait(tasks)
