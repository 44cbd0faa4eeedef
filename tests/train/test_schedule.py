"""The learning rate on the way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from thinkimg_train.config import ScheduleSection
from thinkimg_train.schedule import learning_rate

STEPS = 12


def rates(**settings: Any) -> list[float]:
    section = ScheduleSection(learning_rate=1.0, **settings)
    return [learning_rate(section, step, STEPS) for step in range(STEPS)]


def test_it_climbs_to_the_peak_and_falls_in_a_straight_line() -> None:
    found = rates(kind="linear", warmup_steps=2)
    assert found == pytest.approx([0.5, 1.0, *(1 - n / 10 for n in range(10))])


def test_a_cosine_is_halfway_down_in_the_middle() -> None:
    found = rates(kind="cosine", warmup_steps=2, final_share=0.2)
    assert found[2] == 1
    assert found[7] == pytest.approx(0.6)
    assert found[-1] > 0.2


def test_constant_is_constant() -> None:
    assert rates(kind="constant", warmup_share=0.0) == [1.0] * STEPS


def test_steps_of_warm_up_count_more_than_a_share() -> None:
    assert rates(kind="constant", warmup_steps=1, warmup_share=0.9) == [1.0] * STEPS


@given(
    some.sampled_from(["cosine", "linear", "constant"]),
    some.integers(1, 50),
    some.floats(0, 1),
    some.floats(0, 1),
)
def test_no_step_exceeds_the_peak_or_stands_still(
    kind: Any, steps: int, warmup: float, final: float
) -> None:
    section = ScheduleSection(learning_rate=2e-5, kind=kind, warmup_share=warmup, final_share=final)
    found = [learning_rate(section, step, steps) for step in range(steps)]
    assert all(0 < rate <= 2e-5 * (1 + 1e-9) for rate in found)
