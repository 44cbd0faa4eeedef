"""How sure a mean is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_eval.report.intervals import design_effect, estimate, grouped, wilson


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_shares_get_wilsons_interval(right: int, n: int, low: float, high: float) -> None:
    assert wilson(right / n, n) == pytest.approx((low, high), abs=5e-5)
    found = estimate([1.0] * right + [0.0] * (n - right), range(n))
    assert found.mean == pytest.approx(right / n, abs=1e-6)
    assert found.n == n
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_nothing_has_no_mean() -> None:
    assert estimate([], []).mean is None


def test_questions_that_go_alike_about_one_image_count_as_one() -> None:
    # 50 images with 4 questions each, which all go as the first one does.
    scores = [float(image % 2) for image in range(50) for _ in range(4)]
    images = [image for image in range(50) for _ in range(4)]
    assert design_effect(0.5, *grouped(np.array(scores), images)) == pytest.approx(4, rel=0.03)
    together, alone = estimate(scores, images), estimate(scores, range(200))
    assert together.low is not None
    assert alone.low is not None
    assert 0.5 - together.low == pytest.approx(2 * (0.5 - alone.low), rel=0.05)


def test_scores_in_between_are_drawn_anew_the_same_way_each_time() -> None:
    scores = list(np.random.default_rng(0).uniform(0, 1, 400))
    found = estimate(scores, range(400))
    assert found == estimate(scores, range(400))
    spread = 1.96 * np.std(scores) / 20
    assert found.low == pytest.approx(np.mean(scores) - spread, abs=0.004)
    assert found.high == pytest.approx(np.mean(scores) + spread, abs=0.004)


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.integers(0, 5)), min_size=1, max_size=60))
def test_an_interval_holds_its_mean_and_stays_within_0_and_1(
    scored: list[tuple[float, int]],
) -> None:
    found = estimate([score for score, _ in scored], [image for _, image in scored])
    assert found.mean is not None
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.mean + 1e-6
    assert found.mean - 1e-6 <= found.high <= 1
    assert found.low < found.high
