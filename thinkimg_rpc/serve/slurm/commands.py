"""SLURM's own commands: sbatch, squeue, scontrol and scancel, and what they answer.

Only what works without an accounting database is used.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from thinkimg_rpc.serve.slurm.resources import SlurmSection, options
from thinkimg_rpc.settings import CannotStart

COMMAND_S = 60.0
"""SLURM's commands try for long, by themselves, to reach a busy controller."""

_NOT_OVER = {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "STAGE_OUT"}
_NEVER = re.compile(
    r"invalid|unrecognized|not available|not permitted|denied|can ?not be satisfied|"
    r"more processors|not recognized|unable to open file",
    re.IGNORECASE,
)
"""What sbatch says of a request that will not be granted tomorrow either."""
_OF_OUR_JOB = re.compile(r"SLURM_(?!CONF$)|CUDA_VISIBLE_DEVICES$|SBATCH_(ARRAY|OUTPUT|ERROR|WAIT)")
"""Variables of a job, or of sbatch, which are not for the jobs that we submit."""


class SlurmUnavailable(Exception):
    """SLURM did not do what it was asked, and may do so later. One line."""


@dataclass(frozen=True)
class JobStatus:
    """A job, as squeue shows it."""

    state: str
    """As SLURM calls it: "PENDING", "RUNNING", "PREEMPTED"; "GONE" when it knows no more."""
    reason: str = ""
    """Why it waits, or has failed; "" if SLURM says nothing."""
    node: str = ""

    @property
    def pending(self) -> bool:
        """Whether SLURM has not given it a place yet."""
        return self.state == "PENDING"

    @property
    def over(self) -> bool:
        """Whether none of its processes is left."""
        return self.state not in _NOT_OVER


@dataclass(frozen=True)
class Submission:
    """What sbatch is told."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    """What the job prints is added to it."""
    owner: str
    """Which mesh it is for, for people who look at the queue."""
    resources: SlurmSection


async def submit(job: Submission) -> int:
    """Hand a job to SLURM; its number.

    Raises: CannotStart, when it will never be taken; SlurmUnavailable.
    """
    arguments = [
        *("sbatch", "--parsable", "--no-requeue", "--export=ALL", "--open-mode=append"),
        *(f"--job-name=thinkimg-{job.name}", f"--comment={job.owner}", f"--output={job.log}"),
        *options(job.resources),
        # The worker itself is what gets the job's signals.
        f"--wrap=exec {shlex.join(job.command)}",
    ]
    environment = {k: v for k, v in job.environment.items() if not _OF_OUR_JOB.match(k)}
    try:
        answer = await _run(arguments, environment)
    except SlurmUnavailable as error:
        if _NEVER.search(str(error)):
            raise CannotStart(str(error)) from error
        raise
    return int(answer.strip().partition(";")[0])


async def look(jobs: Collection[int]) -> dict[int, JobStatus]:
    """How the jobs are doing; those that SLURM has forgotten are left out.

    Raises: SlurmUnavailable.
    """
    numbers = ",".join(map(str, sorted(jobs)))
    form = "--Format=JobID:|,State:|,Reason:|,NodeList:|"
    try:
        answer = await _run(["squeue", f"--jobs={numbers}", "--states=all", "--noheader", form])
    except SlurmUnavailable as error:
        if "Invalid job id" in str(error):
            return {}
        raise
    return dict(parse_queue(answer))


def parse_queue(answer: str) -> list[tuple[int, JobStatus]]:
    """Each job that squeue has a line for."""
    found = []
    for line in answer.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) >= 4 and fields[0].isdecimal():
            reason = "" if fields[2] in ("None", "(null)") else fields[2]
            found.append((int(fields[0]), JobStatus(fields[1], reason, fields[3])))
    return found


async def exit_status(job: int) -> tuple[int, int]:
    """What a job that is over exited with, and the signal that killed it; 0 for neither.

    Raises: SlurmUnavailable, when it cannot be told any more.
    """
    answer = await _run(["scontrol", "show", "job", "--oneliner", str(job)])
    found = re.search(r"\bExitCode=(\d+):(\d+)", answer)
    if found is None:
        raise SlurmUnavailable(f"scontrol says nothing of how job {job} ended")
    return int(found[1]), int(found[2])


async def ask_to_end(job: int, *, pending: bool) -> None:
    """Let a job finish what it has; one that waits for its place is cancelled.

    Raises: SlurmUnavailable.
    """
    how = [] if pending else ["--full", "--signal=TERM"]
    await _run(["scancel", *how, str(job)])


async def kill(job: int) -> None:
    """End a job and all its processes at once. Raises: SlurmUnavailable."""
    # One that waits, or is about to run, takes no signal; one that runs would be given time.
    signalled = _run(["scancel", "--full", "--signal=KILL", str(job)])
    cancelled = _run(["scancel", str(job)])
    _, failure = await asyncio.gather(signalled, cancelled, return_exceptions=True)
    if isinstance(failure, BaseException):
        raise failure


async def _run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """What a command prints. Raises: SlurmUnavailable, CannotStart if it is not installed."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(os.environ if environment is None else environment),
            # Ctrl-C is for the supervisor alone.
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise CannotStart(
            f'there is no {command[0]} here; launcher = "slurm" is for a machine from which '
            "SLURM jobs are submitted"
        ) from error
    try:
        async with asyncio.timeout(COMMAND_S):
            said, complaint = await process.communicate()
    except TimeoutError as error:
        raise SlurmUnavailable(f"{command[0]} gave no answer within {COMMAND_S:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode != 0:
        raise SlurmUnavailable(f"{command[0]}: {_gist(complaint.decode(errors='replace'))}")
    return said.decode(errors="replace")


def _gist(complaint: str) -> str:
    """ "sbatch: error: X", "sbatch: error: Batch job submission failed: Y" as "X; Y"."""
    lines = [line.strip() for line in complaint.splitlines()]
    words = [
        re.sub(r"^(\w+: )?(error: )?(Batch job submission failed: )?", "", line)
        for line in lines
        if line and not line.startswith("Try ")
    ]
    return "; ".join(dict.fromkeys(words)) or "no reason given"
