"""What mesh.toml asks of SLURM, in the options of sbatch; and what a job is told."""

from __future__ import annotations

import tomllib

import msgspec
import pytest

from thinkimg_rpc.serve.child import ChildSpec
from thinkimg_rpc.serve.config import MeshConfig, parse_config
from thinkimg_rpc.serve.plan import surroundings, worker_specs
from thinkimg_rpc.serve.slurm.resources import options
from thinkimg_rpc.settings import CannotStart, WorkerSettings

MESH = """
[slurm]
partition = "gpu"
time = "08:00:00"
flags = ["--account=vision"]

[[worker]]
name = "sam"
tools = ["m:SAM"]
launcher = "slurm"
slurm = { gpus = "a100:2", cpus = 4, memory = "32G", time = "1-00:00:00" }

[[worker]]
name = "crop"
tools = ["m:Crop"]
port = 50060
"""
CONFIG = parse_config(tomllib.loads(MESH))


def specs(config: MeshConfig, advertise_host: str = "") -> dict[str, ChildSpec]:
    planned = worker_specs(
        config.worker,
        surroundings(config, "secret"),
        limits=config.limits,
        registry="127.0.0.1:50051",
        listen_host="0.0.0.0",
        advertise_host=advertise_host,
    )
    return {spec.name: spec for spec in planned}


def settings(spec: ChildSpec) -> WorkerSettings:
    return msgspec.json.decode(spec.environment["THINKIMG_SETTINGS"], type=WorkerSettings)


def test_a_worker_asks_for_what_it_says_and_else_for_what_all_ask_for() -> None:
    assert options(CONFIG.worker[0].slurm) == [
        "--partition=gpu",
        "--gres=gpu:a100:2",
        "--cpus-per-task=4",
        "--mem=32G",
        "--time=1-00:00:00",
        "--account=vision",
    ]
    assert options(CONFIG.worker[1].slurm) == [
        "--partition=gpu",
        "--time=08:00:00",
        "--account=vision",
    ]


def test_the_mesh_says_what_starts_the_workers_that_do_not() -> None:
    assert {name: spec.slurm is not None for name, spec in specs(CONFIG).items()} == {
        "sam-0": True,
        "crop-0": False,
    }
    mesh = msgspec.structs.replace(CONFIG.mesh, launcher="slurm")
    as_jobs = specs(msgspec.structs.replace(CONFIG, mesh=mesh))
    assert all(spec.slurm is not None for spec in as_jobs.values())
    assert settings(as_jobs["crop-0"]).address == ":50060"


def test_a_job_finds_its_own_address_and_dials_the_registry_as_others_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    planned = specs(CONFIG, advertise_host="10.0.0.1")
    job, process = settings(planned["sam-0"]), settings(planned["crop-0"])
    assert (job.registry, job.address, job.advertise_host) == ("10.0.0.1:50051", ":0", "")
    assert (process.registry, process.address) == ("127.0.0.1:50051", "0.0.0.0:50060")
    assert job.abandoned_after_s > process.abandoned_after_s == 0
    assert planned["sam-0"].environment["OMP_NUM_THREADS"] == "4"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[slurm]\npartitoin = 'gpu'",
            '[slurm] unknown key "partitoin"; did you mean "partition"?',
        ),
        ("[slurm]\ncpus = -1", "[slurm] cpus: expected a whole number >= 0"),
        ("slurm = 3", "[slurm] must be a table"),
        ("[slurm]\nflags = ['account=vision']", '[slurm] flags: "account=vision" is no option'),
        ("[slurm]\nflags = ['--requeue']", '[slurm] flags: "--requeue" is set by thinkimg serve'),
        ("[slurm]\nflags = ['-o', 'x']", '[slurm] flags: "-o" is set by thinkimg serve itself'),
        (
            "[[worker]]\nname = 'a'\ntools = ['m:T']\nslurm = { gpu = 1 }",
            '[[worker]] "a" slurm unknown key "gpu"; did you mean "gpus"?',
        ),
        (
            "[[worker]]\nname = 'a'\ntools = ['m:T']\nlauncher = 'slum'",
            '[[worker]] "a" launcher: ',
        ),
    ],
)
def test_a_mistake_is_told_by_its_key(text: str, message: str) -> None:
    with pytest.raises(CannotStart) as refused:
        parse_config(tomllib.loads(text))
    assert str(refused.value).startswith(message)
