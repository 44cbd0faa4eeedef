"""Batches are made ready in another thread, in order, and no further ahead than is wanted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from thinkimg_train.data_config import BatchSection, DataSection
from thinkimg_train.dataset import open_dataset
from thinkimg_train.feed import ahead, ready_batches
from thinkimg_train.loader import StepLoader


def test_items_come_in_order_from_another_thread() -> None:
    threads: set[str] = set()

    def items() -> Iterator[int]:
        for number in range(9):
            threads.add(threading.current_thread().name)
            yield number

    assert list(ahead(items(), 3)) == list(range(9))
    assert threads == {"feed_0"}


def test_no_more_is_made_than_is_wanted() -> None:
    made: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            made.append(len(made))
            yield made[-1]

    with closing(ahead(endless(), 2)) as items:
        assert [next(items) for _ in range(3)] == [0, 1, 2]
    assert len(made) <= 5


def test_a_fault_comes_when_its_turn_comes() -> None:
    def faulty() -> Iterator[int]:
        yield 1
        raise ValueError("the second")

    items = ahead(faulty(), 2)
    assert next(items) == 1
    with pytest.raises(ValueError, match="the second"):
        next(items)


def test_the_last_batch_of_a_step_is_marked(tiny_model: Path, recorded: Path) -> None:
    data = DataSection(trajectories=(recorded,), max_pixels=1 << 14)
    dataset = open_dataset(data, str(tiny_model))
    section = BatchSection(episodes=4, tokens=2 * int(dataset.lengths.tokens.max()))
    loader = StepLoader(dataset, section, seed=0)
    with closing(ready_batches(loader.steps(), pin_memory=False)) as batches:
        found = [next(batches) for _ in range(5)]
    # Steps of 4, 4 and 2 episodes, two at a time.
    assert sorted(one.last for one in found) == [False, False, True, True, True]
    assert found[-1].last
    assert all(one.targets.count > 0 for one in found)
