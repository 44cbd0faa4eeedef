"""How long a pass of a model is likely to take, from those it has made."""

from __future__ import annotations

_WEIGHT = 0.3
"""Of the newest pass."""


class PassTimes:
    """A running mean of the seconds a pass took, for each number of calls in it."""

    def __init__(self) -> None:
        self._mean_s: dict[int, float] = {}

    def note(self, calls: int, seconds: float) -> None:
        before = self._mean_s.get(calls, seconds)
        self._mean_s[calls] = before + _WEIGHT * (seconds - before)

    def expected_s(self, calls: int) -> float:
        """0 until a pass was made; rather too long than too short for a number not seen."""
        if calls in self._mean_s:
            return self._mean_s[calls]
        above = [seconds for seen, seconds in self._mean_s.items() if seen > calls]
        # Each call costs at most as much again as it did among fewer.
        scaled = [seconds * calls / seen for seen, seconds in self._mean_s.items() if seen < calls]
        return min(above + scaled, default=0.0)
