"""`thinkimg serve --launcher slurm`, on a real SLURM."""

from __future__ import annotations

import platform
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from ..thinkimg_rpc.running_mesh import RunningServe, eventually, thinkimg
from .slurm_cluster import CPUS, QueuedJob, cancel, queued_jobs, submit

PATIENCE_S = 90.0
ECHO = "thinkimg_rpc.testing.echo:Echo"
MESH = f"""
[mesh]
address = "127.0.0.1:0"
log_dir = "logs"

[slurm]
partition = "work"
time = "00:30:00"

[[worker]]
name = "echo"
tools = ["{ECHO}"]
"""

pytestmark = pytest.mark.usefixtures("slurm")


@contextmanager
def serving(folder: Path, *arguments: str, text: str = MESH) -> Iterator[RunningServe]:
    (folder / "mesh.toml").write_text(text)
    with RunningServe(arguments, folder) as serve:
        serve.wait_served(PATIENCE_S)
        yield serve


@contextmanager
def serving_jobs(folder: Path, text: str = MESH) -> Iterator[tuple[RunningServe, QueuedJob]]:
    """A mesh with one worker, and the job that it is."""
    with serving(folder, "--launcher", "slurm", text=text) as serve:
        wait_status(serve, r"echo-0 .* serving")
        yield serve, the_job()


def wait_status(serve: RunningServe, pattern: str) -> str:
    """What `thinkimg status` says, once it says that."""
    address = serve.wait_served()

    def look() -> str | None:
        said = thinkimg("status", "--address", address).stdout
        return said if re.search(pattern, said) else None

    return eventually(look, PATIENCE_S, pattern)


def our_jobs() -> list[QueuedJob]:
    return [job for job in queued_jobs() if job.name.startswith("thinkimg-")]


def the_job() -> QueuedJob:
    (job,) = our_jobs()
    return job


def end(serve: RunningServe) -> None:
    serve.interrupt()
    assert serve.wait_ended(PATIENCE_S) == 0


def test_one_file_serves_the_same_tools_here_and_as_jobs(tmp_path: Path) -> None:
    text = MESH + '\n[[worker]]\nname = "crop"\ntools = ["thinkimg_workers.crop:Crop"]\n'
    shown = []
    for launcher in ("local", "slurm"):
        with serving(tmp_path, "--launcher", launcher, text=text) as serve:
            wait_status(serve, r"2 workers\n")
            assert len(our_jobs()) == (2 if launcher == "slurm" else 0)
            shown.append(thinkimg("tools", "--address", serve.wait_served()).stdout)
            end(serve)
    assert shown[0] == shown[1]
    assert {"Crop", "Echo"} < set(shown[0].split())


def test_ctrl_c_cancels_its_own_jobs_and_no_others(tmp_path: Path) -> None:
    foreign = submit("sleep 600", "--job-name=thinkimg-echo-0")
    with serving(tmp_path, "--launcher", "slurm") as serve:
        wait_status(serve, r"echo-0 .* serving")
        assert len(our_jobs()) == 2
        children = serve.children()
        end(serve)
    assert [job.id for job in our_jobs()] == [foreign]
    cancel(foreign)
    assert psutil.wait_procs(children, timeout=PATIENCE_S)[1] == []


def test_killing_the_supervisor_leaves_no_job(tmp_path: Path) -> None:
    with serving_jobs(tmp_path) as (serve, _):
        serve.process.send_signal(signal.SIGKILL)
        eventually(lambda: not our_jobs(), PATIENCE_S, "cancelled job")


def test_a_preempted_job_waits_with_slurms_reason_and_serves_again(tmp_path: Path) -> None:
    with serving_jobs(tmp_path, text=MESH + f"slurm = {{ cpus = {CPUS} }}\n") as (serve, first):
        urgent = submit("sleep 600", "--partition=urgent", f"--cpus-per-task={CPUS}")
        said = wait_status(serve, r"echo-0 +pending")
        assert re.search(r"echo-0 +pending +job \d+ waits: (Resources|Priority)", said)
        assert f"job {first.id} on {platform.node()} was preempted" in serve.output
        cancel(urgent)
        wait_status(serve, r"echo-0 .* serving")
        assert the_job().id > first.id
        end(serve)


def test_a_job_that_somebody_cancels_is_told_and_not_submitted_again(tmp_path: Path) -> None:
    text = MESH + f'\n[[worker]]\nname = "here"\nlauncher = "local"\ntools = ["{ECHO}"]\n'
    with serving_jobs(tmp_path, text=text) as (serve, job):
        cancel(job.id)
        said = wait_status(serve, r"echo-0 +failed")
        assert f"job {job.id} " in said
        assert "was cancelled by someone else" in said
        assert re.search(r"here-0 .* serving", said)
        assert our_jobs() == []
        end(serve)
