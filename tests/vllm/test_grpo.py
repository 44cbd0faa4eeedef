"""`thinkimg train grpo` with vLLM as its sampler: what it samples from is what is trained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from thinkimg_train.grpo import train
from thinkimg_train.grpo_config import GrpoConfig
from thinkimg_train.reading import read_config

from ..thinkimg_rpc.running_mesh import RunningServe
from ..train.grpo.conftest import MESH
from ..train.grpo.runs import numbers_of, words
from ..train.test_distribution import TORCHRUN, start_module
from .scoring import load

STEPS = 3
REWARDS = Path(__file__).with_name("rewards.py")
FURTHEST = 1e-4
"""Of two log-probabilities of the same token."""


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mesh")
    (folder / "mesh.toml").write_text(MESH)
    with RunningServe([], folder) as serve:
        yield serve.wait_served(60)


def asked_of(out: Path, folder: Path, mesh: str, **over: object) -> list[str]:
    """A short run whose rewards differ, as a command line says it."""
    settings: dict[str, object] = {
        "rollout__engine": "vllm",
        "rollout__vllm__dtype": "float32",
        "rollout__vllm__eager": "true",
        "rollout__groups": 2,
        "rollout__group_size": 4,
        "rollout__temperature": 2.0,
        "schedule__steps": STEPS,
        "schedule__learning_rate": 3e-2,
    }
    return words(out, folder, mesh, "only_the_tool_wins", **settings | over)


def of_server(url: str, weights: Path) -> dict[str, object]:
    return {
        "rollout__engine": "vllm-server",
        "rollout__base_url": url,
        "rollout__vllm__weights_folder": weights,
    }


@pytest.fixture
def rewards(tmp_path: Path) -> Path:
    """The configuration of rewards that random models differ in."""
    file = tmp_path / "grpo.toml"
    file.write_text(f'[reward.weights]\n"{REWARDS}:brevity" = 1.0\n')
    return file


def assert_followed(out: Path, folder: Path) -> None:
    """The weights changed, and the sampler had them after every step."""
    numbers = numbers_of(out)
    assert len(numbers) == STEPS
    for one in numbers:
        assert one["gradient_norm"] > 0
        assert 0 < one["mismatch_mean"] <= one["mismatch_max"] < FURTHEST
    before, after = load(folder).state_dict(), load(out / "model").state_dict()
    changed = max(float((after[name] - before[name]).abs().max()) for name in before)
    assert changed > 100 * FURTHEST


@pytest.mark.timeout(600)  # an engine alone takes a minute to start
def test_its_probabilities_stay_the_trainers_while_the_weights_change(
    folder: Path, mesh: str, rewards: Path, tmp_path: Path
) -> None:
    asked = asked_of(tmp_path / "run", folder, mesh)
    train(read_config(GrpoConfig, rewards, asked), Console(quiet=True))
    assert_followed(tmp_path / "run", folder)


@pytest.mark.timeout(600)
def test_it_plays_a_step_while_the_one_before_is_learned_from(
    folder: Path, mesh: str, rewards: Path, tmp_path: Path
) -> None:
    asked = asked_of(tmp_path / "run", folder, mesh, rollout__ahead="true")
    train(read_config(GrpoConfig, rewards, asked), Console(quiet=True))
    first, second, third = numbers_of(tmp_path / "run")
    assert first["mismatch_max"] < FURTHEST
    # By weights of one step before; the tokens are weighted by it.
    assert min(second["mismatch_max"], third["mismatch_max"]) > FURTHEST
    assert second["mismatch_weight"] != 1


@pytest.mark.timeout(600)
def test_a_server_follows_what_lora_trains(
    folder: Path, mesh: str, trainers_server: str, rewards: Path, tmp_path: Path
) -> None:
    server = of_server(trainers_server, tmp_path / "weights")
    asked = asked_of(tmp_path / "run", folder, mesh, lora__rank=4, **server)
    train(read_config(GrpoConfig, rewards, asked), Console(quiet=True))
    assert_followed(tmp_path / "run", folder)
    assert (tmp_path / "run" / "adapter").exists()


@pytest.mark.timeout(900)
def test_a_server_follows_two_processes_of_zero3(
    folder: Path, mesh: str, trainers_server: str, rewards: Path, tmp_path: Path
) -> None:
    server = of_server(trainers_server, tmp_path / "weights")
    asked = asked_of(tmp_path / "run", folder, mesh, deepspeed__config="zero3", **server)
    finished = start_module(TORCHRUN, "thinkimg_train.grpo", ["--config", str(rewards), *asked])
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert_followed(tmp_path / "run", folder)
