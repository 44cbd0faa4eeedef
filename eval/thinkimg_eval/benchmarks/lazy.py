"""Samples made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, overload

from thinkimg_agent.sample import Sample

Row = TypeVar("Row")


class LazySamples(Sequence[Sample], Generic[Row]):
    """One sample for each row, with its images read only when it is asked for."""

    def __init__(self, rows: Sequence[Row], make: Callable[[int, Row], Sample]) -> None:
        self._rows = rows
        self._make = make

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        # A number past the end must raise IndexError, for `for` to stop.
        index = range(len(self))[index]
        return self._make(index, self._rows[index])
