"""Episodes of the next step are played while this one's are learned from."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from thinkimg_agent.policies.policy import Policy
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train import grpo
from thinkimg_train.grpo_config import RolloutSection
from thinkimg_train.rollouts import opening
from thinkimg_train.rollouts.engines import NamedWeights, Trained
from thinkimg_train.rollouts.transformers_engine import TransformersEngine, open_transformers

from .runs import make_run, numbers_of
from .test_resuming import broken_off

GAME = "only_the_tool_wins"
STEPS = 4
GROUPS, GROUP_SIZE = 2, 4
SETTINGS = {
    "rollout__engine": "vllm",
    "rollout__ahead": "true",
    "rollout__groups": GROUPS,
    "rollout__group_size": GROUP_SIZE,
    "rollout__batch": 1,
    "schedule__steps": STEPS,
    "checkpoint__every_steps": 1,
}


class Copy:
    """In vLLM's place: a copy of the model, which is handed the weights as vLLM is."""

    def __init__(self, inner: TransformersEngine, module: Any) -> None:
        self._inner, self._module = inner, module
        self.followed: list[int] = []
        """After how many steps the weights were that it was given, each time."""
        self.begun = 0
        self.playing = threading.Condition()

    @property
    def policy(self) -> Policy:
        return self._inner.policy

    def policy_for(self, seed: int) -> Policy:
        with self.playing:
            self.begun += 1
            self.playing.notify_all()
        return self._inner.policy_for(seed)

    async def follow(self, weights: NamedWeights, step: int) -> None:
        self._module.load_state_dict(dict(weights()), strict=False)
        self.followed.append(step)

    async def close(self) -> None:
        await self._inner.close()


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Copy]]:
    """Those that runs have opened."""
    opened: list[Copy] = []

    async def open_copy(section: RolloutSection, trained: Trained) -> Copy:
        module = copy.deepcopy(trained.module)
        inner = await open_transformers(section, Trained(trained.path, module, trained.seed))
        opened.append(Copy(inner, module))
        return opened[-1]

    monkeypatch.setattr(opening, "open_engine", open_copy)
    yield opened
    assert not [one for one in threading.enumerate() if one.name.startswith("rollouts")]


def test_the_next_episodes_begin_before_these_are_learned_from(
    engines: list[Copy],
    player: Path,
    echo_mesh: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learn: Any = grpo._learn

    def waiting(run: Any, gathered: Any, step: int, rate: float) -> Any:
        (engine,) = engines
        wanted = min(step + 2, STEPS) * GROUPS * GROUP_SIZE
        with engine.playing:
            assert engine.playing.wait_for(lambda: engine.begun >= wanted, timeout=60)
        return learn(run, gathered, step, rate)

    monkeypatch.setattr(grpo, "_learn", waiting)
    make_run(tmp_path, player, echo_mesh, GAME, **SETTINGS)
    (engine,) = engines
    assert engine.begun == STEPS * GROUPS * GROUP_SIZE
    # The first two steps are played with the weights that it began with.
    assert engine.followed == [0, 0, 1, 2]
    first, second, *others = numbers_of(tmp_path)
    assert first["mismatch_max"] < 1e-4
    # What was learned meanwhile makes the difference, and tokens are weighted by it.
    for one in (second, *others):
        assert one["mismatch_max"] > 1e-3
        assert one["mismatch_weight"] != 1


def test_a_run_that_was_broken_off_plays_again_what_it_had_not_learned_from(
    engines: list[Copy], player: Path, echo_mesh: str, tmp_path: Path
) -> None:
    with broken_off(2):
        make_run(tmp_path, player, echo_mesh, GAME, **SETTINGS)
    make_run(tmp_path, player, echo_mesh, GAME, **SETTINGS)
    assert [one["episodes"] for one in numbers_of(tmp_path)] == [GROUPS * GROUP_SIZE] * STEPS
    assert [one.followed for one in engines] == [[0, 0, 1, 2], [2, 2]]
    drawn = (tmp_path / "checkpoints" / f"step_{STEPS:07d}" / "questions.json").read_text()
    assert f'"next": {STEPS * GROUPS}' in drawn


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("rollout.ahead", {"rollout__engine": "transformers"}),
        ("mismatch.level", {"mismatch__level": "no"}),
    ],
)
def test_what_it_cannot_be_done_with_is_refused(
    field: str, settings: dict[str, object], player: Path, echo_mesh: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequest, match=field):
        make_run(tmp_path, player, echo_mesh, GAME, **SETTINGS | settings)
