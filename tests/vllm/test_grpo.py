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


@pytest.mark.timeout(600)  # an engine alone takes a minute to start
def test_its_probabilities_stay_the_trainers_while_the_weights_change(
    folder: Path, mesh: str, tmp_path: Path
) -> None:
    file = tmp_path / "grpo.toml"
    file.write_text(f'[reward.weights]\n"{REWARDS}:brevity" = 1.0\n')
    asked = words(
        tmp_path / "run",
        folder,
        mesh,
        "only_the_tool_wins",
        rollout__engine="vllm",
        rollout__vllm__dtype="float32",
        rollout__vllm__eager="true",
        rollout__groups=2,
        rollout__group_size=4,
        rollout__temperature=2.0,
        schedule__steps=STEPS,
        schedule__learning_rate=3e-2,
    )
    train(read_config(GrpoConfig, file, asked), Console(quiet=True))
    numbers = numbers_of(tmp_path / "run")
    assert len(numbers) == STEPS
    for one in numbers:
        assert one["gradient_norm"] > 0
        assert 0 < one["mismatch_mean"] <= one["mismatch_max"] < FURTHEST
    before, after = load(folder).state_dict(), load(tmp_path / "run" / "model").state_dict()
    changed = max(float((after[name] - before[name]).abs().max()) for name in before)
    assert changed > 100 * FURTHEST
