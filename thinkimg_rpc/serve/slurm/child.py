"""A worker that is a SLURM job: submitted, followed, submitted again, cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from enum import IntEnum

from thinkimg_rpc.serve.child import Backoff, Child, ChildSpec, ChildState, killed_by
from thinkimg_rpc.serve.slurm import commands
from thinkimg_rpc.serve.slurm.commands import SlurmUnavailable, Submission
from thinkimg_rpc.serve.slurm.job_queue import FollowedJob, JobQueue
from thinkimg_rpc.serve.slurm.resources import SlurmSection
from thinkimg_rpc.settings import CannotStart
from thinkimg_rpc.v1 import Worker

GIVE_UP_S = 20.0
"""How long a killed job may take to be over before it is left to SLURM."""
ASK_AGAIN_S = 2.0
"""Between attempts to cancel a job while SLURM does not answer."""

_PLAIN_WORDS = {
    "PREEMPTED": "was preempted",
    "TIMEOUT": "has used up its time (ask for more: slurm.time)",
    "OUT_OF_MEMORY": "ran out of memory (ask for more: slurm.memory)",
    "NODE_FAIL": "was on a node that failed",
    "BOOT_FAIL": "was on a node that did not boot",
    "GONE": "is not known to SLURM any more",
}


class Order(IntEnum):
    """What a job has been told; the larger replaces the smaller."""

    RUN = 0
    END = 1
    KILL = 2


class SlurmChild(Child):
    """Runs a worker as one job after another until told to stop.

    It serves once the registry lists it, wherever it has landed. A job that fails or is
    preempted is submitted again; one that somebody else cancels is not.
    """

    def __init__(
        self, spec: ChildSpec, on_change: Callable[[Child], None], queue: JobQueue
    ) -> None:
        super().__init__(spec, on_change, Backoff(first_s=1.0, longest_s=60.0))
        self._queue = queue
        self._job: FollowedJob | None = None
        self._registered: tuple[str, int] | None = None
        """Host and process of the worker that was last listed."""
        self._order = Order.RUN
        self._news = asyncio.Event()
        self._ending = ""
        """How the last job ended, in a few words."""
        self._before = ""
        """Why the last job does not serve any more, until another does."""
        self._left = ""

    def terminate(self) -> None:
        self._stopping.set()
        self._give(Order.END)

    def lease_began(self, worker: Worker) -> None:
        if self._job is None:
            return
        self._job.calm = self._order is Order.RUN
        process = (worker.hostname, worker.pid)
        # That of the job before may be listed a little longer than the job.
        if process != self._registered:
            self._registered, self._before = process, ""
            self._began = time.monotonic()
            self.pid, self.address = worker.pid, worker.address
            self._change(ChildState.SERVING, "")

    def lease_ended(self) -> None:
        if self._job is not None:
            self._job.calm = False
            self._queue.look_soon()

    async def _live(self, command: tuple[str, ...]) -> int:
        """Submit a job and wait until it is over; its exit status.

        Raises: CannotStart, when SLURM will never take it or somebody has cancelled it.
        """
        assert self.spec.slurm is not None
        self._replaced_because, self._order = "", Order.RUN
        self.starts += 1
        # What is written from here on is the new job's.
        self._log.open().close()
        # Waiting in a queue is not living; it lives from when it is registered.
        self._began = math.inf
        try:
            id = await commands.submit(self._submission(command, self.spec.slurm))
        except SlurmUnavailable as error:
            self._ending = f"not submitted: {error}"
            return 1
        self._job = self._queue.follow(id, self._news.set)
        if self._stopping.is_set():
            self._give(Order.KILL)
        try:
            await self._until_over(self._job)
            return await self._exit_status(self._job)
        finally:
            self._queue.forget(self._job)
            self._job = None
            self.pid = None
            self.address = ""

    def _submission(self, command: tuple[str, ...], resources: SlurmSection) -> Submission:
        spec = self.spec
        owner = f"thinkimg mesh {spec.mesh}"
        log = spec.log.absolute()
        return Submission(spec.name, command, spec.environment, log, owner, resources)

    async def _until_over(self, job: FollowedJob) -> None:
        obeyed, give_up_at = Order.RUN, math.inf
        while not job.status.over and time.monotonic() < give_up_at:
            self._news.clear()
            if self._order is Order.KILL and self._stopping.is_set():
                give_up_at = min(give_up_at, time.monotonic() + GIVE_UP_S)
            if self._order > obeyed and await self._obey(job, self._order):
                obeyed = self._order
            self._show(job)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ASK_AGAIN_S):
                    await self._news.wait()

    async def _obey(self, job: FollowedJob, order: Order) -> bool:
        """Tell SLURM; False if it does not listen now."""
        try:
            if order is Order.KILL:
                await commands.kill(job.id)
            else:
                await commands.ask_to_end(job.id, pending=job.status.pending)
        except SlurmUnavailable:
            # Also when the job has just ended; if not, we ask again.
            self._queue.look_soon()
            return False
        self._queue.look_soon()
        return True

    def _show(self, job: FollowedJob) -> None:
        if self.state is ChildState.SERVING or self._stopping.is_set():
            return
        status = job.status
        if status.pending and status.reason:
            self._change_once(ChildState.PENDING, f"job {job.id} waits: {status.reason}")
        elif status.node:
            self._change_once(ChildState.STARTING, f"job {job.id} starts on {status.node}")
        else:
            self._change_once(ChildState.STARTING, f"job {job.id} is submitted")

    def _change_once(self, state: ChildState, reason: str) -> None:
        reason += f"; before: {self._before}" if self._before else ""
        if (state, reason) != (self.state, self.reason):
            self._change(state, reason)

    async def _exit_status(self, job: FollowedJob) -> int:
        """As of a process of this machine, and words on how it ended. Raises: CannotStart."""
        status = job.status
        where = f"job {job.id}" + (f" on {status.node}" if status.node else "")
        words = _PLAIN_WORDS.get(status.state, f"is {status.state.lower()}")
        self._ending = f"{where} {words}"
        if not status.over:
            self._left = (
                f"{where} may still run: SLURM does not answer, and is asked again for a minute; "
                f"then it is for you to say scancel {job.id}"
            )
            return 1
        if status.state == "CANCELLED" and self._order is Order.RUN:
            raise CannotStart(
                f"{where} was cancelled by someone else and is not submitted again; "
                "start the mesh again to have it back"
            )
        if status.state not in ("FAILED", "COMPLETED"):
            return 1
        try:
            code, number = await commands.exit_status(job.id)
        except SlurmUnavailable:
            return 1
        why = f": {status.reason}" if not status.node else ""
        self._ending = f"{where} exited with status {code}{why}"
        if number:
            self._ending = f"{where} was {killed_by(number)}"
        return code

    def _left_behind(self) -> str:
        return self._left

    def _why_it_died(self, status: int) -> str:
        last_words = self._log.last_words()
        self._before = self._ending + (f": {last_words}" if last_words else "")
        if self._replaced_because and self._order is Order.KILL:
            self._before = self._replaced_because
        return self._before

    def _why_it_cannot_start(self) -> str:
        told = super()._why_it_cannot_start()
        return told or (
            f"{self._ending}, and its log {self.spec.log} cannot be read here: "
            "let log_dir in [mesh] be a folder that all nodes share"
        )

    def _kill_group(self) -> None:
        self._give(Order.KILL)

    def _give(self, order: Order) -> None:
        if order > self._order:
            self._order = order
            if self._job is not None:
                self._job.calm = False
                self._queue.look_soon()
            self._news.set()
