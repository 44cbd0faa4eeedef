"""The reward of an episode, and what it is made of."""

from __future__ import annotations

from typing import Any

import pytest

from thinkimg_agent.trajectory import StopReason
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.rewards.weighing import (
    Reward,
    RewardSection,
    check_rewards,
    mean_rewards,
    rewards_of,
)

from .episodes import carried_out, episode, refused

PUBLISHED = {
    "DeepEyes": RewardSection(weights={"accuracy": 0.8, "format": 0.2, "tool_bonus": 0.4}),
    "Pixel-Reasoner": RewardSection(
        weights={"accuracy": 1.0, "curiosity": 0.5, "call_penalty": 0.05}
    ),
    "AdaReasoner": RewardSection(weights={"accuracy": 4.0, "call_validity": 4.0}, gate="format"),
}


@pytest.mark.parametrize(
    ("name", "totals"),
    [
        # Right with a tool, right without, wrong with two, wrong without.
        ("DeepEyes", [1.4, 1.0, 0.2, 0.2]),
        # Half of the group used tools, which is enough.
        ("Pixel-Reasoner", [1.0, 1.0, -0.05, 0.0]),
        # One of the two calls failed at the last step: 4 × 7/8.
        ("AdaReasoner", [8.0, 8.0, 3.5, 0.0]),
    ],
)
def test_published_rewards(name: str, totals: list[float]) -> None:
    check_rewards(PUBLISHED[name])
    group = [episode(carried_out()), episode(), episode(carried_out(), refused()), episode()]
    found = rewards_of(group, [1.0, 1.0, 0.0, 0.0], PUBLISHED[name])
    assert [one.total for one in found if one] == pytest.approx(totals)


def test_parts_are_known_without_their_weights() -> None:
    section = RewardSection(weights={"accuracy": 2.0, "call_penalty": 0.0}, gate="format")
    (found,) = rewards_of([episode(carried_out(), carried_out())], [0.5], section)
    assert found == Reward(1.0, {"accuracy": 0.5, "call_penalty": -1.0, "format": 1.0})


def test_the_sum_is_multiplied_with_its_gate() -> None:
    section = RewardSection(weights={"accuracy": 1.0}, gate="format")
    (found,) = rewards_of([episode(problems=["no JSON"])], [1.0], section)
    assert found is not None
    assert found.total == 0


def test_an_aborted_episode_has_no_reward_and_changes_no_other() -> None:
    section = RewardSection(weights={"accuracy": 1.0, "curiosity": 1.0})
    group = [episode(carried_out()), *[episode() for _ in range(4)]]
    broken = episode(carried_out(), stop=StopReason.ABORTED)
    alone = rewards_of(group, [1.0, 0.0, 0.0, 0.0, 0.0], section)
    found = rewards_of([broken, *group], [0.0, 1.0, 0.0, 0.0, 0.0, 0.0], section)
    assert found == [None, *alone]
    assert alone[0] is not None
    assert alone[0].total == pytest.approx(1.1)


def test_a_group_of_aborted_episodes_has_no_rewards() -> None:
    broken = [episode(stop=StopReason.ABORTED)] * 2
    section = RewardSection(weights={"curiosity": 1.0})
    assert rewards_of(broken, [0.0, 0.0], section) == [None, None]
    assert mean_rewards([None, None]) == {}


def test_the_log_has_the_mean_of_all_and_of_each_part() -> None:
    section = RewardSection(weights={"accuracy": 1.0, "format": 0.5})
    found = rewards_of([episode(), episode(problems=["no JSON"])], [1.0, 0.0], section)
    assert mean_rewards([*found, None]) == {
        "reward": 0.75,
        "reward/accuracy": 0.5,
        "reward/format": 0.5,
    }


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"weights": {"acuracy": 1.0}}, r"reward\.weights\.acuracy: .* accuracy"),
        ({"weights": {}}, r"reward\.weights: is empty"),
        ({"gate": "forma"}, r"reward\.gate: write one of accuracy, format"),
        ({"weights": {"overlong": 1.0}}, r"reward\.options\.overlong\.limit_tokens: is missing"),
        ({"options": {"curiosity": {"rate": 0.5}}}, r"reward\.options\.curiosity"),
        (
            {"weights": {"curiosity": 1.0}, "options": {"curiosity": {"rat": 0.5}}},
            r"reward\.options\.curiosity\.rat: .* rate",
        ),
    ],
)
def test_what_cannot_be_computed_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        check_rewards(RewardSection(**fields))


def test_options_reach_their_part() -> None:
    section = RewardSection(
        weights={"overlong": 1.0},
        options={"overlong": {"limit_tokens": 20, "margin_tokens": 20}},
    )
    check_rewards(section)
    (found,) = rewards_of([episode(tokens=5)], [1.0], section)
    assert found is not None
    assert found.total == pytest.approx(-0.25)
