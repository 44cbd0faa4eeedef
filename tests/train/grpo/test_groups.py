"""Groups: what was aborted is not in them, and those that teach nothing are replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from thinkimg_agent.trajectory import StopReason
from thinkimg_train.rewards.weighing import RewardSection
from thinkimg_train.rollouts.judging import judged
from thinkimg_train.rollouts.playing import Group, Played
from thinkimg_train.rollouts.questions import Order, Question, episode_seed, share_of, shares_of
from thinkimg_train.samples import TrainingSample

from ..rewards.episodes import episode
from .runs import make_run, numbers_of

REWARD = RewardSection(weights={"accuracy": 1.0})
SAMPLE = TrainingSample(torch.ones(3), torch.ones(3, dtype=torch.bool), {}, {}, 0, "s")


def played(score: float | None, *, aborted: bool = False) -> Played:
    trajectory = episode(stop=StopReason.ABORTED if aborted else StopReason.ANSWERED)
    trajectory.score = score
    return Played(trajectory, None if aborted else SAMPLE)


def group(*episodes: Played) -> Group:
    return Group(Question(0, 0), list(episodes))


def test_an_aborted_episode_leaves_its_group_and_changes_nothing_in_it() -> None:
    without = judged(group(played(1), played(0), played(0)), REWARD, "standardized")
    with_one = judged(
        group(played(1), played(None, aborted=True), played(0), played(0)), REWARD, "standardized"
    )
    assert with_one.rewards[1] is None
    assert [one.advantage for one in with_one.lessons] == [one.advantage for one in without.lessons]
    assert [one.advantage > 0 for one in with_one.lessons] == [True, False, False]


def test_a_group_of_one_teaches_nothing() -> None:
    left = judged(group(played(1), played(None, aborted=True)), REWARD, "centred")
    assert not left.teaches
    assert [one.advantage for one in left.lessons] == [0.0]


def test_an_episode_that_does_not_fit_leaves_its_group() -> None:
    unfit = Played(episode(), None, unfit="its tokens are others")
    left = judged(group(played(1), unfit, played(0)), REWARD, "centred")
    assert [one.advantage for one in left.lessons] == [0.5, -0.5]


def test_every_question_is_asked_once_before_any_is_asked_again() -> None:
    order = Order(7, seed=3)
    drawn = [order.at(draw).index for draw in range(14)]
    assert sorted(drawn[:7]) == sorted(drawn[7:]) == list(range(7))
    assert drawn[:7] != drawn[7:]
    assert [order.at(draw).index for draw in range(14)] == drawn


def test_processes_share_out_the_questions() -> None:
    order = Order(5, seed=0)
    wanted = shares_of(7, 3)
    assert wanted == [3, 2, 2]
    drawn, after = order.take(10, 7)
    assert [one.draw for one in drawn] == list(range(10, 17))
    assert after == 17
    assert [one for rank in range(3) for one in share_of(drawn, wanted, rank)] == drawn


def test_questions_that_went_alike_are_asked_less_often() -> None:
    order = Order(4, seed=0, least_chance=0.2)
    order.pass_rates = {0: 0.0, 1: 1.0, 2: 0.5}
    drawn, after = order.take(0, 2000)
    asked = [sum(one.index == index for one in drawn) / (after / 4) for index in range(4)]
    assert asked == pytest.approx([0.2, 0.2, 1.0, 1.0], abs=0.05)
    assert order.take(0, 2000) == (drawn, after)


def test_what_is_known_of_questions_counts_until_they_are_asked() -> None:
    order = Order(4, seed=0, least_chance=0.2, known={0: 0.0, 1: 0.5})
    order.pass_rates = {1: 1.0}
    drawn, after = order.take(0, 2000)
    asked = [sum(one.index == index for one in drawn) / (after / 4) for index in range(4)]
    assert asked == pytest.approx([0.2, 0.2, 1.0, 1.0], abs=0.05)


def test_easy_questions_come_first_where_that_is_asked_for() -> None:
    plain = Order(8, seed=1)
    order = Order(8, seed=1, known={2: 0.1, 3: 0.9, 5: 0.5}, easy_first=True)
    drawn = [order.at(draw).index for draw in range(16)]
    usual = [plain.at(draw).index for draw in range(16)]
    assert [index for index in drawn[:8] if index in (2, 3, 5)] == [3, 5, 2]
    assert [n for n in range(8) if drawn[n] != usual[n]] == [
        n for n in range(8) if usual[n] in (2, 3, 5) and drawn[n] != usual[n]
    ]
    assert drawn[8:] == usual[8:]


def test_no_two_episodes_of_a_run_have_one_seed() -> None:
    seeds = {
        episode_seed(seed, Question(draw, 0), member)
        for seed in range(3)
        for draw in range(20)
        for member in range(8)
    }
    assert len(seeds) == 3 * 20 * 8


@pytest.mark.parametrize("refills", [0, 12])
def test_groups_that_went_alike_are_replaced_where_that_is_asked_for(
    refills: int, player: Path, echo_mesh: str, tmp_path: Path
) -> None:
    settings = {"schedule__steps": 2, "rollout__group_size": 2, "schedule__learning_rate": 1e-5}
    make_run(
        tmp_path, player, echo_mesh, "only_the_tool_wins", rollout__refills=refills, **settings
    )
    for step in numbers_of(tmp_path):
        teaching = round(step["groups"] * (1 - step["groups_alike"]))
        assert (step["groups"] > 4, teaching == 4) == ((True, True) if refills else (False, False))
