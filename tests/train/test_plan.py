"""Which samples are learned from when."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_train.plan import Bounds, Lengths, batches_of, filled_share, steps_in_epoch, steps_of

LONGEST, MOST_IMAGE_TOKENS = 100, 60

bounds_of = st.builds(
    Bounds,
    samples=st.integers(1, 20),
    tokens=st.integers(LONGEST, 400),
    image_tokens=st.integers(MOST_IMAGE_TOKENS, 200),
)


@st.composite
def lengths_of(draw: st.DrawFn) -> Lengths:
    tokens = draw(st.lists(st.integers(1, LONGEST), min_size=1, max_size=120))
    images = [draw(st.integers(0, min(one, MOST_IMAGE_TOKENS))) for one in tokens]
    return Lengths(np.array(tokens), np.array(images), np.array(tokens))


def some(count: int, seed: int = 0) -> Lengths:
    tokens = np.random.default_rng(seed).integers(10, LONGEST, count)
    return Lengths(tokens, tokens // 2, tokens // 3)


@given(lengths_of(), bounds_of, st.integers(0, 3), st.integers(0, 3), st.integers(1, 5))
def test_no_sample_is_lost_or_doubled(
    lengths: Lengths, bounds: Bounds, seed: int, epoch: int, ranks: int
) -> None:
    steps = steps_of(lengths, bounds, seed, epoch)
    assert len(steps) == steps_in_epoch(len(lengths), bounds)
    assert sorted(chain.from_iterable(steps)) == list(range(len(lengths)))
    for step in steps:
        shares = batches_of(step, lengths, bounds, ranks)
        assert sorted(chain.from_iterable(chain.from_iterable(shares))) == sorted(step)


@given(lengths_of(), bounds_of, st.integers(1, 5))
def test_batches_keep_to_their_bounds_and_ranks_have_as_many(
    lengths: Lengths, bounds: Bounds, ranks: int
) -> None:
    for step in steps_of(lengths, bounds, 0, 0):
        assert len(step) <= bounds.samples
        shares = batches_of(step, lengths, bounds, ranks)
        assert len({len(batches) for batches in shares}) == 1
        for batch in filter(None, chain.from_iterable(shares)):
            assert len(batch) * lengths.tokens[batch].max() <= bounds.tokens
            assert lengths.image_tokens[batch].sum() <= bounds.image_tokens


@given(lengths_of(), bounds_of, st.integers(2, 5))
def test_a_rank_is_without_samples_only_where_no_batch_can_be_shared(
    lengths: Lengths, bounds: Bounds, ranks: int
) -> None:
    for step in steps_of(lengths, bounds, 0, 0):
        batches = list(chain.from_iterable(batches_of(step, lengths, bounds, ranks)))
        assert all(batches) or max(map(len, batches)) == 1


@given(lengths_of(), bounds_of, st.integers(0, 3))
def test_the_first_epoch_begins_with_the_longest_sample(
    lengths: Lengths, bounds: Bounds, seed: int
) -> None:
    first, *_ = steps_of(lengths, bounds, seed, 0)
    assert lengths.tokens[first].max() == lengths.tokens.max()


def test_the_same_seed_and_epoch_give_the_same_steps_and_others_give_others() -> None:
    lengths, bounds = some(200), Bounds(8, 400, 400)
    steps = steps_of(lengths, bounds, 1, 0)
    assert steps == steps_of(lengths, bounds, 1, 0)
    assert steps != steps_of(lengths, bounds, 2, 0)
    assert steps != steps_of(lengths, bounds, 1, 1)


@pytest.mark.parametrize("samples", [4, 64])
def test_like_lengths_go_together_so_that_little_fills_up(samples: int) -> None:
    lengths, bounds = some(2000), Bounds(samples, 800, 800, sorted_steps=8)
    batches = [
        batch
        for step in steps_of(lengths, bounds, 0, 1)
        for batch in batches_of(step, lengths, bounds, 1)[0]
    ]
    filled = np.average(
        [filled_share(batch, lengths) for batch in batches],
        weights=[len(batch) * lengths.tokens[batch].max() for batch in batches],
    )
    assert filled < 0.1


def test_steps_that_are_not_sorted_are_as_mixed_as_all() -> None:
    lengths = some(2000)

    def spread(sorted_steps: int) -> float:
        """Of the mean lengths of steps, against that of steps drawn by chance."""
        steps = steps_of(lengths, Bounds(8, 800, 800, sorted_steps), 0, 1)
        means = [lengths.tokens[step].mean() for step in steps]
        return float(np.std(means) / (np.std(lengths.tokens) / 8**0.5))

    assert spread(1) == pytest.approx(1, abs=0.15)
    assert spread(8) > 2
