"""One look at SLURM's queue for all jobs of a supervisor, as rarely as will do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from thinkimg_rpc.serve.slurm.commands import JobStatus, SlurmUnavailable, look
from thinkimg_rpc.serve.slurm.keeper import Keeper

RESTLESS_S = 1.0
"""Between looks while something is about to change: a job waits, starts or ends."""
CALM_S = 10.0
"""Between looks while all workers serve: what happens to them, the registry sees first."""

_SUBMITTED = JobStatus("PENDING")
_GONE = JobStatus("GONE")


class FollowedJob:
    """A job that was submitted, and how it was doing when last looked at."""

    def __init__(self, id: int, on_change: Callable[[], None]) -> None:
        self.id = id
        self.status = _SUBMITTED
        self.calm = False
        """Whether no change is expected."""
        self._on_change = on_change

    def take(self, status: JobStatus) -> None:
        if status != self.status:
            self.status = status
            self._on_change()


class JobQueue:
    """Follows jobs until they are over or forgotten."""

    def __init__(self) -> None:
        self._jobs: dict[int, FollowedJob] = {}
        self._following: asyncio.Task[None] | None = None
        self._soon = asyncio.Event()
        self._keeper: Keeper | None = None

    def follow(self, id: int, on_change: Callable[[], None]) -> FollowedJob:
        """Keep a job's status current; `on_change` is called when it is another."""
        if self._keeper is None:
            self._keeper = Keeper()
        self._keeper.add(id)
        job = self._jobs[id] = FollowedJob(id, on_change)
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._follow(), name="squeue")
        self.look_soon()
        return job

    def forget(self, job: FollowedJob) -> None:
        """It is over, and none of our business any more."""
        self._jobs.pop(job.id, None)
        if self._keeper is not None and job.status.over:
            self._keeper.remove(job.id)

    def close(self) -> None:
        """Jobs that are not over now are cancelled without us."""
        if self._following is not None:
            self._following.cancel()
        if self._keeper is not None:
            self._keeper.close()

    def look_soon(self) -> None:
        """Do not wait for the next look: something has happened to one of the jobs."""
        self._soon.set()

    async def _follow(self) -> None:
        while self._jobs:
            self._soon.clear()
            # What runs goes on running while SLURM's controller is away; it will be back.
            with contextlib.suppress(SlurmUnavailable):
                await self._look()
            await self._pause()

    async def _look(self) -> None:
        jobs = dict(self._jobs)
        found = await look(jobs)
        for id, job in jobs.items():
            job.take(found.get(id, _GONE))

    async def _pause(self) -> None:
        # However much happens, SLURM's controller is not asked more often.
        await asyncio.sleep(RESTLESS_S)
        if all(job.calm for job in self._jobs.values()):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CALM_S - RESTLESS_S):
                    await self._soon.wait()
