"""SLURM's commands: what they are told, and what is made of their answers and complaints."""

from __future__ import annotations

from pathlib import Path

import pytest

from thinkimg_rpc.serve.slurm import commands
from thinkimg_rpc.serve.slurm.commands import JobStatus, SlurmUnavailable, Submission, parse_queue
from thinkimg_rpc.serve.slurm.resources import SlurmSection
from thinkimg_rpc.settings import CannotStart

from .slurm_commands import write_command


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands are found first."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    return tmp_path


def submission(folder: Path, **environment: str) -> Submission:
    return Submission(
        "sam-0",
        ("python", "-m", "two words"),
        {"PATH": f"{folder}:/bin", **environment},
        folder / "sam-0.log",
        "thinkimg mesh login:50051",
        SlurmSection(partition="gpu"),
    )


async def test_a_job_gets_the_workers_environment_and_nothing_of_a_job_we_run_in(
    bin_folder: Path,
) -> None:
    write_command(
        bin_folder,
        "sbatch",
        f'env > {bin_folder}/env; echo "$@" > {bin_folder}/args; echo "17;cluster"',
    )
    leaking = {"SLURM_JOB_ID": "3", "CUDA_VISIBLE_DEVICES": "5", "SBATCH_OUTPUT": "x"}
    wanted = {"SLURM_CONF": "/etc/slurm.conf", "THINKIMG_SETTINGS": "{}", "SBATCH_ACCOUNT": "us"}
    assert await commands.submit(submission(bin_folder, **leaking, **wanted)) == 17
    seen = (bin_folder / "env").read_text().splitlines()
    assert {f"{key}={value}" for key, value in wanted.items()} <= set(seen)
    assert not [line for line in seen if line.partition("=")[0] in leaking]
    told = (bin_folder / "args").read_text()
    assert "--no-requeue" in told
    assert "--partition=gpu" in told
    assert "--wrap=exec python -m 'two words'" in told
    assert "THINKIMG" not in told


@pytest.mark.parametrize(
    "complaint",
    [
        "sbatch: error: Batch job submission failed: Invalid account or account/partition "
        "combination specified",
        "sbatch: error: Batch job submission failed: Requested node configuration is not available",
        "sbatch: unrecognized option '--frob'\nTry \"sbatch --help\" for more information",
        "sbatch: error: Memory specification can not be satisfied",
    ],
)
async def test_what_will_never_be_granted_is_refused(bin_folder: Path, complaint: str) -> None:
    write_command(bin_folder, "sbatch", f"echo '{complaint}' >&2; exit 1")
    with pytest.raises(CannotStart) as refused:
        await commands.submit(submission(bin_folder))
    assert "\n" not in str(refused.value)
    assert "error:" not in str(refused.value)


async def test_what_may_be_granted_later_is_no_reason_to_give_up(bin_folder: Path) -> None:
    complaint = "Unable to contact slurm controller (connect failure)"
    write_command(bin_folder, "sbatch", f"echo 'sbatch: error: {complaint}' >&2; exit 1")
    with pytest.raises(SlurmUnavailable, match=r"^sbatch: Unable to contact slurm controller"):
        await commands.submit(submission(bin_folder))


async def test_a_machine_without_slurm_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotStart, match=r"there is no squeue here; launcher = .slurm. is for"):
        await commands.look([1])


def test_the_queue_is_read_with_its_reasons_and_nodes() -> None:
    answer = "12|PENDING|Resources||\n13|RUNNING|None|node7|\n14|PREEMPTED|None|node7|\n"
    assert dict(parse_queue(answer)) == {
        12: JobStatus("PENDING", "Resources"),
        13: JobStatus("RUNNING", "", "node7"),
        14: JobStatus("PREEMPTED", "", "node7"),
    }


@pytest.mark.parametrize(
    ("state", "over"),
    [("PENDING", False), ("COMPLETING", False), ("RUNNING", False), ("SUSPENDED", False)]
    + [(state, True) for state in ("COMPLETED", "FAILED", "NODE_FAIL", "TIMEOUT", "CANCELLED")],
)
def test_a_job_is_over_once_none_of_its_processes_is_left(state: str, over: bool) -> None:
    assert JobStatus(state).over is over


async def test_jobs_that_slurm_has_forgotten_are_left_out(bin_folder: Path) -> None:
    write_command(
        bin_folder, "squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1"
    )
    assert await commands.look([7]) == {}
