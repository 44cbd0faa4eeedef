"""A list whose items are made when they are asked for."""

from __future__ import annotations

import pytest

from thinkimg_agent.sample import Sample
from thinkimg_eval.benchmarks.lazy import LazySamples


def _samples(made: list[int]) -> LazySamples[str]:
    def make(index: int, row: str) -> Sample:
        made.append(index)
        return Sample(id=row, question="?", images=())

    return LazySamples(["a", "b", "c"], make)


def test_only_what_is_asked_for_is_made() -> None:
    made: list[int] = []
    samples = _samples(made)
    assert len(samples) == 3
    assert samples[-1].id == "c"
    assert made == [2]


def test_it_is_a_sequence_like_any() -> None:
    samples = _samples([])
    assert [one.id for one in samples] == ["a", "b", "c"]
    assert [one.id for one in samples[1:]] == ["b", "c"]
    with pytest.raises(IndexError):
        samples[3]
