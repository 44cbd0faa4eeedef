"""How sure a mean is: 95% intervals.

Questions about one image go right or wrong together, so an interval that takes
them as independent is too narrow. Scores of 0 and 1 get Wilson's interval
(1927), at the number of independent questions that would vary as much (the
design effect of Kish, 1965; with one question an image it is all of them).
Scores in between get a bootstrap over images.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

Z = 1.959963984540054
"""97.5% of a normal distribution lies below."""
RESAMPLES = 10_000
_SEED = 0


class Estimate(msgspec.Struct, kw_only=True, frozen=True):
    """A mean with its 95% interval; None where there is nothing to take it of."""

    mean: float | None
    low: float | None
    high: float | None
    n: int


def estimate(scores: Sequence[float], groups: Sequence[Hashable]) -> Estimate:
    """The mean of scores of 0 to 1; those of one group are not independent."""
    n = len(scores)
    if n == 0:
        return Estimate(mean=None, low=None, high=None, n=0)
    values = np.asarray(scores, np.float64)
    mean = float(values.mean())
    totals, sizes = grouped(values, groups)
    if np.isin(values, (0.0, 1.0)).all():
        low, high = wilson(mean, n / design_effect(mean, totals, sizes))
    else:
        low, high = bootstrap(totals, sizes)
    return Estimate(mean=_rounded(mean), low=_rounded(low), high=_rounded(high), n=n)


def wilson(share: float, n: float) -> tuple[float, float]:
    """The interval of a share that was found in `n` independent trials."""
    spread = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    middle, scale = share + Z * Z / (2 * n), 1 + Z * Z / n
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def design_effect(mean: float, totals: NDArray[np.float64], sizes: NDArray[np.float64]) -> float:
    """How many times the variance of independent questions theirs is; at least 1.

    Args:
        totals: (G,) the sum of each group's scores.
        sizes: (G,) how many there are in each.
    """
    n, groups = float(sizes.sum()), len(totals)
    if mean in (0.0, 1.0) or groups < 2:
        return 1.0
    alone = mean * (1 - mean) * n * n / (n - 1)
    together = float(((totals - mean * sizes) ** 2).sum()) * groups / (groups - 1)
    return max(1.0, together / alone)


def bootstrap(totals: NDArray[np.float64], sizes: NDArray[np.float64]) -> tuple[float, float]:
    """The interval of a mean when whole groups are drawn anew.

    Args:
        totals: (G,) the sum of each group's values.
        sizes: (G,) how many there are in each.
    """
    generator = np.random.default_rng(_SEED)
    means = np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        drawn = generator.integers(0, len(totals), len(totals))
        means[number] = totals[drawn].sum() / sizes[drawn].sum()
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def grouped(
    values: NDArray[np.float64], groups: Sequence[Hashable]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The sum of each group's values and how many they are, (G,) and (G,)."""
    numbers: dict[Hashable, int] = {}
    places = [numbers.setdefault(group, len(numbers)) for group in groups]
    return np.bincount(places, values).astype(np.float64), np.bincount(places).astype(np.float64)


def _rounded(value: float) -> float:
    return round(value, 6)
