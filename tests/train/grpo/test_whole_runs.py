"""Whole runs: what they note, what they leave behind, and what they refuse."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from thinkimg_agent.conversation import Message
from thinkimg_agent.policies.transformers_vlm import TransformersPolicy
from thinkimg_agent.trajectory_file import read_trajectories
from thinkimg_rpc.errors import InvalidRequest

from ...thinkimg_rpc.running_mesh import thinkimg
from .runs import make_run, numbers_of, words

GAME = "only_the_tool_wins"
PAGE = Path(__file__).parents[3] / "docs" / "train-grpo.md"
SHORT = {"schedule__steps": 2, "rollout__groups": 2, "rollout__group_size": 4}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, player: Path, echo_mesh: str) -> Path:
    out = tmp_path_factory.mktemp("run")
    settings = SHORT | {"trajectories__every_steps": 2, "loss__kl_weight": 0.01, "lora__rank": 4}
    asked = words(out, player, echo_mesh, GAME, **settings)
    finished = thinkimg("train", "grpo", *asked)
    assert finished.returncode == 0, finished.stderr
    return out


def test_all_that_is_noted_is_told_of_and_all_that_is_told_of_is_noted(run: Path) -> None:
    told = PAGE.read_text().partition("## What is noted of each step")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*`) \|", told, re.MULTILINE)[:-5]  # then come the tripwires
    named = {name for row in rows for name in re.findall(r"`([\w/]+)`", row)}
    noted = {re.sub("reward/.*", "reward/PART", name) for name in numbers_of(run)[0]}
    assert noted - {"step", "sampled_tokens"} == named


def test_episodes_are_kept_to_be_looked_at(run: Path) -> None:
    kept = run / "rollouts" / "step_0000002"
    episodes = list(read_trajectories(kept))
    assert len(episodes) == 8
    assert all(one.score is not None and one.context_ids for one in episodes)
    assert thinkimg("view", str(kept)).returncode == 0
    assert (kept / "index.html").exists()
    assert not (run / "rollouts" / "step_0000001").exists()


async def test_what_comes_out_is_a_policy(run: Path) -> None:
    async with TransformersPolicy(run / "model", device="cpu") as policy:
        turn = await policy.generate([Message("user", ("hello",))], (), 4)
    assert turn.completion_tokens <= 4
    assert (run / "adapter").exists()


def test_the_sampler_and_the_trainer_agree_to_the_last_digits(run: Path) -> None:
    assert all(step["mismatch_max"] < 1e-4 for step in numbers_of(run))
    assert all(step["unfit"] == step["aborted"] == 0 for step in numbers_of(run))


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"task__name": "charts"}, r"task.*charts"),
        ({"rollout__dialect": "latin"}, r"rollout\.dialect.*latin.*hermes"),
        ({"rollout__coordinates": "miles"}, r"rollout\.coordinates.*miles.*pixels"),
        ({"reward__weights__acuracy": 1}, r"reward\.weights.*accuracy"),
        ({"loss__name": "ppo"}, r"loss\.name.*grpo"),
        ({"tripwires__stop": "no_call"}, r"tripwires.*no_calls"),
        ({"rollout__group_size": 1}, r"rollout\.group_size.*at least 2"),
        ({"task__questions": 0}, r"has no questions"),
    ],
)
def test_what_cannot_be_is_named(
    over: dict[str, object], said: str, player: Path, echo_mesh: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequest, match=said):
        make_run(tmp_path, player, echo_mesh, GAME, **SHORT | over)


def test_a_run_without_a_number_of_steps_is_refused(
    player: Path, echo_mesh: str, tmp_path: Path
) -> None:
    asked = [word for word in words(tmp_path, player, echo_mesh, GAME) if "steps" not in word]
    finished = thinkimg("train", "grpo", *asked)
    assert finished.returncode != 0
    assert "schedule.steps: is missing" in finished.stderr
