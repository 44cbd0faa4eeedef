"""What single things about an episode are worth."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from thinkimg_agent.trajectory import CallRecord, StopReason
from thinkimg_train.rewards.group_parts import GROUP_PARTS, curiosity
from thinkimg_train.rewards.parts import (
    PARTS,
    call_penalty,
    call_validity,
    chance,
    overlong,
    steps_of_call,
    tool_bonus,
    used_tools,
    well_formed,
)

from ..recorded import dialect_named, record_three_turns
from .episodes import carried_out, episode, ill_formed, refused, unknown, unreadable


def test_the_form_is_right_if_every_turn_was_understood_and_the_last_answered() -> None:
    assert well_formed(episode(), 0.0) == 1
    assert well_formed(episode(refused()), 0.0) == 1
    assert well_formed(episode(problems=["no JSON"]), 1.0) == 0
    assert well_formed(episode(carried_out(), stop=StopReason.TURN_LIMIT), 0.0) == 0
    assert well_formed(episode(stop=StopReason.TOKEN_LIMIT), 0.0) == 0


@pytest.mark.parametrize(
    ("calls", "score", "bonus"),
    [
        ([carried_out()], 1.0, 1),
        ([refused(), carried_out()], 1.0, 1),
        ([carried_out()], 0.0, 0),
        ([carried_out()], 0.9, 0),
        ([refused()], 1.0, 0),
        ([], 1.0, 0),
    ],
)
def test_a_tool_is_rewarded_only_where_it_helped_with_a_right_answer(
    calls: list[CallRecord], score: float, bonus: float
) -> None:
    assert tool_bonus(episode(*calls), score) == bonus


def test_from_which_score_an_answer_is_right_can_be_said() -> None:
    assert tool_bonus(episode(carried_out()), 0.9, right_from=0.5) == 1


def test_calls_beyond_the_free_ones_cost_one_each() -> None:
    three = episode(carried_out(), refused(), carried_out())
    assert call_penalty(episode(), 1.0) == 0
    assert call_penalty(episode(carried_out()), 1.0) == 0
    assert call_penalty(three, 1.0) == -2
    assert call_penalty(three, 1.0, free_calls=3) == 0


@pytest.mark.parametrize(
    ("call", "steps"),
    [(unreadable(), 0), (unknown(), 1), (ill_formed(), 2), (refused(), 3), (carried_out(), 4)],
)
def test_how_far_a_call_came(call: CallRecord, steps: int) -> None:
    assert steps_of_call(call) == steps
    assert call_validity(episode(call), 0.0) == steps / 4


def test_the_validity_of_calls_is_their_mean() -> None:
    mixed = episode(carried_out(), unknown(), ill_formed(), problems=["no JSON"])
    assert call_validity(mixed, 0.0) == pytest.approx((4 + 1 + 2 + 0) / 16)


def test_a_right_answer_gains_nothing_by_further_calls() -> None:
    assert call_validity(episode(), 1.0) == 1
    assert call_validity(episode(carried_out(), unknown()), 1.0) == 1


def test_a_wrong_answer_without_calls_has_no_validity() -> None:
    assert call_validity(episode(), 0.0) == 0


def test_what_is_written_costs_as_it_comes_near_the_limit() -> None:
    long = episode(carried_out(), tokens=45)
    assert overlong(long, 1.0, limit_tokens=100, margin_tokens=20) == pytest.approx(-0.5)
    assert overlong(long, 1.0, limit_tokens=200, margin_tokens=20) == 0


def test_trying_tools_is_worth_something_while_few_of_the_group_do() -> None:
    """One of eight used a tool, which is 0.175 short of three in ten."""
    group = [episode(carried_out()), episode(refused()), *[episode() for _ in range(6)]]
    assert curiosity(group, [0.0] * 8) == pytest.approx([0.3 - 1 / 8] + [0.0] * 7)


def test_from_the_threshold_on_curiosity_is_worth_nothing() -> None:
    group = [episode(carried_out()), episode(carried_out()), episode()]
    assert curiosity(group, [0.0] * 3) == [0, 0, 0]
    assert curiosity(group, [0.0] * 3, rate=1.0) == pytest.approx([1 / 3, 1 / 3, 0])


def test_an_episode_recorded_over_a_mesh_is_judged_alike(tmp_path: Path) -> None:
    """A crop, a crop far outside the image, and the answer."""
    (recorded,) = record_three_turns(tmp_path, dialect_named("hermes"))
    assert used_tools(recorded)
    assert well_formed(recorded, 1.0) == 1
    assert tool_bonus(recorded, 1.0) == 1
    assert call_penalty(recorded, 1.0) == -1
    assert call_validity(recorded, 0.0) == pytest.approx((4 + 2) / 8)


def test_names_of_parts_are_of_one_kind_only() -> None:
    assert not set(PARTS) & set(GROUP_PARTS)


def test_chance_knows_nothing_of_the_score_and_is_the_same_when_played_again() -> None:
    episodes = [
        msgspec.structs.replace(episode(carried_out()), sample_id=str(n)) for n in range(1000)
    ]
    given = [chance(one, 0.0) for one in episodes]
    assert given == [chance(one, 1.0) for one in episodes]
    assert 0.45 < sum(given) / len(given) < 0.55
