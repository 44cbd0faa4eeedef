"""How much better an episode went than the others of its group."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_train.advantages import ADVANTAGES, can_teach, centred, leave_one_out, standardized

rewards_of_a_group = st.lists(
    st.floats(-2, 2, allow_subnormal=False).map(lambda value: round(value, 3)),
    min_size=1,
    max_size=9,
)
names = st.sampled_from(sorted(ADVANTAGES))


@st.composite
def groups(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor]:
    """One group with the mask of who is still in it."""
    rewards = draw(rewards_of_a_group)
    kept = draw(st.lists(st.booleans(), min_size=len(rewards), max_size=len(rewards)))
    return torch.tensor(rewards), torch.tensor(kept)


def everyone(rewards: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(rewards, dtype=torch.bool)


def test_a_table_computed_by_hand() -> None:
    rewards = torch.tensor([[1.0, 0.0, 0.0, 1.0], [3.0, 0.0, 0.0, 0.0]])
    kept = everyone(rewards)
    assert centred(rewards, kept).tolist() == [[0.5, -0.5, -0.5, 0.5], [2.25, -0.75, -0.75, -0.75]]
    # The first group's deviation is sqrt(4 × 0.25 / 3) = 0.57735, the second's 1.5.
    expected = [0.5 / (math.sqrt(1 / 3) + 1e-4), 2.25 / (1.5 + 1e-4)]
    assert standardized(rewards, kept)[:, 0].tolist() == pytest.approx(expected)
    # Without the first episode the others' mean is 1/3; without that of the second group, 0.
    assert leave_one_out(rewards, kept)[:, 0].tolist() == pytest.approx([2 / 3, 3.0])
    assert leave_one_out(rewards, kept)[:, 1].tolist() == pytest.approx([-2 / 3, -1.0])


def test_an_aborted_episode_leaves_its_group() -> None:
    rewards = torch.tensor([[1.0, 0.0, math.nan, 0.0]])
    kept = torch.tensor([[True, True, False, True]])
    rest = torch.tensor([[1.0, 0.0, 0.0]])
    for function in ADVANTAGES.values():
        found = function(rewards, kept)
        assert found[0, 2] == 0
        assert torch.equal(found[kept], function(rest, everyone(rest))[0])


def test_a_group_of_one_or_none_teaches_nothing() -> None:
    rewards = torch.tensor([[1.0, 0.0, 0.5], [1.0, 0.0, 0.5]])
    kept = torch.tensor([[True, False, False], [False, False, False]])
    for function in ADVANTAGES.values():
        assert function(rewards, kept).tolist() == [[0.0] * 3] * 2
    assert can_teach(rewards, kept).tolist() == [False, False]


def test_only_groups_whose_kept_rewards_differ_can_teach() -> None:
    rewards = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.7, 0.7, 0.7]])
    kept = torch.tensor([[True, True, True], [True, True, False], [True, True, True]])
    assert can_teach(rewards, kept).tolist() == [True, False, False]


def test_how_sums_were_rounded_is_no_difference() -> None:
    rewards = torch.tensor([[0.1 + 0.2, 0.3, 0.3, 0.3]], dtype=torch.float64)
    assert rewards[0, 0] != rewards[0, 1]
    assert standardized(rewards, everyone(rewards)).tolist() == [[0.0] * 4]


@given(groups(), names)
def test_advantages_of_a_group_add_up_to_nothing(
    group: tuple[torch.Tensor, torch.Tensor], name: str
) -> None:
    found = ADVANTAGES[name](*group)
    assert float(found.sum()) == pytest.approx(0, abs=1e-4)
    assert bool((found[~group[1]] == 0).all())
    assert bool((found != 0).any()) == bool(can_teach(*group))


@given(groups(), names, st.integers(0, 1000))
def test_the_order_in_a_group_changes_nothing(
    group: tuple[torch.Tensor, torch.Tensor], name: str, seed: int
) -> None:
    rewards, kept = group
    order = torch.randperm(len(rewards), generator=torch.Generator().manual_seed(seed))
    found = ADVANTAGES[name](rewards, kept)[order]
    torch.testing.assert_close(found, ADVANTAGES[name](rewards[order], kept[order]))


@given(groups(), names, st.sampled_from([-5.0, 0.5, 2.0]))
def test_what_all_get_changes_nothing(
    group: tuple[torch.Tensor, torch.Tensor], name: str, more: float
) -> None:
    rewards, kept = group
    found = ADVANTAGES[name](rewards + more, kept)
    # Of two rewards 0.001 apart, float32 knows the difference to a hundredth of a percent.
    torch.testing.assert_close(found, ADVANTAGES[name](rewards, kept), rtol=2e-3, atol=1e-5)


@given(groups())
def test_the_scale_of_rewards_scales_advantages_unless_they_are_standardized(
    group: tuple[torch.Tensor, torch.Tensor],
) -> None:
    rewards, kept = group
    for function in (centred, leave_one_out):
        torch.testing.assert_close(function(4 * rewards, kept), 4 * function(rewards, kept))
    wide = standardized(1e3 * rewards, kept)
    wider = standardized(1e4 * rewards, kept)
    torch.testing.assert_close(wide, wider, rtol=2e-4, atol=1e-5)


@given(groups())
def test_a_left_out_baseline_is_the_mean_of_the_others(
    group: tuple[torch.Tensor, torch.Tensor],
) -> None:
    rewards, kept = group
    found = leave_one_out(rewards, kept)
    if not bool(can_teach(rewards, kept)):
        return
    for place in kept.nonzero()[:, 0].tolist():
        others = kept.clone()
        others[place] = False
        expected = float(rewards[place] - rewards[others].mean())
        assert float(found[place]) == pytest.approx(expected, abs=1e-5)
