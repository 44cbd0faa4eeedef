"""Several processes make the steps that one makes. Each test starts its own, for real."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from thinkimg_agent.policies import Generation
from thinkimg_agent.reply import Reply
from thinkimg_agent.sample import Sample
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.config import DeepspeedSection
from thinkimg_train.distribution import SHIPPED, deepspeed_config

from ..mesh_fixtures import png
from .recorded import dialect_named, record
from .runs import curve_of, largest_difference, make_run, words

# Several processes come of `--multi_gpu` alone, with `--cpu` only by MPI.
ACCELERATE = (
    *("accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"),
    *("--num_machines", "1", "--mixed_precision", "no"),
)
TORCHRUN = ("torch.distributed.run", "--nproc_per_node", "2", "--nnodes", "1")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, recorded: Path) -> Path:
    """What one process makes of all batches."""
    out = tmp_path_factory.mktemp("alone")
    make_run(out, tiny_model, recorded)
    return out


def launch(launcher: tuple[str, ...], asked: list[str]) -> None:
    finished = start(launcher, asked)
    assert finished.returncode == 0, finished.stderr[-3000:]


def start(launcher: tuple[str, ...], asked: list[str]) -> subprocess.CompletedProcess[str]:
    return start_module(launcher, "thinkimg_train.sft", asked)


def start_module(
    launcher: tuple[str, ...], module: str, asked: list[str]
) -> subprocess.CompletedProcess[str]:
    port = ["--main_process_port" if "accelerate" in launcher[0] else "--master_port", free_port()]
    return subprocess.run(
        [sys.executable, "-m", *launcher, *port, "-m", module, *asked],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def free_port() -> str:
    with socket.socket() as there:
        there.bind(("127.0.0.1", 0))
        return str(there.getsockname()[1])


def processes_of(out: Path) -> int:
    return int(json.loads((out / "run.json").read_text())["processes"])


@pytest.mark.parametrize("launcher", [ACCELERATE, TORCHRUN], ids=["accelerate", "torchrun"])
def test_two_processes_make_the_steps_of_one(
    launcher: tuple[str, ...], alone: Path, tiny_model: Path, recorded: Path, tmp_path: Path
) -> None:
    launch(launcher, words(tmp_path, tiny_model, recorded))
    assert processes_of(tmp_path) == 2
    assert curve_of(tmp_path) == pytest.approx(curve_of(alone), abs=1e-5)
    # Sums in another order, which Adam's division makes larger where gradients are small.
    assert largest_difference(tmp_path / "model", alone / "model") < 1e-3


@pytest.mark.timeout(600)  # the first time ever, deepspeed compiles what CPUs talk with
@pytest.mark.parametrize("stage", ["zero2", "zero3"])
def test_deepspeed_makes_the_same_steps(
    stage: str, alone: Path, tiny_model: Path, recorded: Path, tmp_path: Path
) -> None:
    asked = words(
        tmp_path, tiny_model, recorded, deepspeed__config=stage, checkpoint__every_steps=2
    )
    launch(TORCHRUN, asked)
    assert processes_of(tmp_path) == 2
    assert curve_of(tmp_path) == pytest.approx(curve_of(alone), abs=1e-3)
    assert largest_difference(tmp_path / "model", alone / "model") < 1e-2


@pytest.mark.timeout(600)
def test_deepspeed_goes_on_to_the_very_same_weights(
    tiny_model: Path, recorded: Path, tmp_path: Path
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    settings = {
        "deepspeed__config": "zero3",
        "schedule__steps": 3,
        "checkpoint__every_steps": 2,
    }
    launch(TORCHRUN, words(whole, tiny_model, recorded, **settings))
    shutil.copytree(whole, broken)
    shutil.rmtree(broken / "model")
    shutil.rmtree(broken / "checkpoints" / "step_0000003")
    launch(TORCHRUN, words(broken, tiny_model, recorded, **settings))
    assert curve_of(broken) == curve_of(whole)
    assert largest_difference(broken / "model", whole / "model") == 0


@pytest.mark.timeout(600)
def test_zero3_refuses_episodes_of_which_only_some_have_images(
    tiny_model: Path, tmp_path: Path
) -> None:
    dialect = dialect_named("hermes")
    answer: list[str | Generation] = [dialect.write(Reply("Done.", answer="four"))]
    pictures: list[tuple[bytes, ...]] = [(png(40, 48),), ()] * 4
    samples = [(Sample(f"s{n}", "How many?", shown), [*answer]) for n, shown in enumerate(pictures)]
    record(tmp_path / "some", samples, dialect)
    asked = words(tmp_path / "out", tiny_model, tmp_path / "some", deepspeed__config="zero3")
    finished = start(TORCHRUN, asked)
    assert finished.returncode != 0
    assert "with ZeRO-3 all episodes must have images, or none" in finished.stderr
    assert "take zero2" in finished.stderr
    assert 'sft.py", line' not in finished.stderr  # torchrun's own traceback is another thing
    assert not (tmp_path / "out" / "checkpoints").exists()


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.json")), ids=lambda file: str(file.stem))
def test_the_shipped_configurations_are_what_their_names_say(file: Path) -> None:
    config = deepspeed_config(DeepspeedSection(config=file.stem), max_gradient_norm=0.5)
    zero = config["zero_optimization"]
    assert file.stem.startswith(f"zero{zero['stage']}")
    assert ("offload_optimizer" in zero) == file.stem.endswith("-offload")
    assert config["gradient_clipping"] == 0.5


def test_a_configuration_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidRequest, match=r"deepspeed\.config.*shipped are zero2, zero2-off"):
        deepspeed_config(DeepspeedSection(config="zero9"), max_gradient_norm=1)


def test_an_optimizer_of_deepspeed_own_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text('{"optimizer": {"type": "Lion"}}')
    section = DeepspeedSection(config=str(tmp_path / "mine.json"))
    with pytest.raises(InvalidRequest, match="take optimizer out"):
        deepspeed_config(section, max_gradient_norm=1)
