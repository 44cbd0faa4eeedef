"""Which samples make up which step, and which of these stand in one batch.

A step is a number of samples, whatever the memory of a GPU or the number of
processes: these only decide how it is cut into batches. So two processes learn what
one does. Samples of like lengths go together, because what fills a batch up is
computed for nothing. All follows from the seed: a run that is broken off goes on in
the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Lengths:
    """What each of N samples takes."""

    tokens: Integers
    """(N,)"""
    image_tokens: Integers
    """(N,) How many of them stand for images."""
    trained: Integers
    """(N,) How many of them are learned from."""

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class Bounds:
    """Of steps, and of what one forward takes."""

    samples: int
    """Of a step."""
    tokens: int
    """Of a batch: rows times the longest."""
    image_tokens: int
    """Of a batch."""
    sorted_steps: int = 1
    """Steps whose samples are sorted by length among them."""


def steps_in_epoch(samples: int, bounds: Bounds) -> int:
    return -(-samples // bounds.samples)


def steps_of(lengths: Lengths, bounds: Bounds, seed: int, epoch: int) -> list[list[int]]:
    """The samples of each step of an epoch: every sample in exactly one.

    The first epoch begins with the step that holds the longest sample, so that a run
    that does not fit into memory fails at once.
    """
    order = np.random.default_rng([seed, epoch]).permutation(len(lengths))
    together = bounds.samples * bounds.sorted_steps
    steps: list[list[int]] = []
    for start in range(0, len(order), together):
        pool = order[start : start + together]
        pool = pool[np.argsort(-lengths.tokens[pool], kind="stable")]
        cut = range(0, len(pool), bounds.samples)
        steps += [pool[at : at + bounds.samples].tolist() for at in cut]
    mixed = np.random.default_rng([seed, epoch, 1]).permutation(len(steps)).tolist()
    if epoch == 0 and mixed:
        longest = max(mixed, key=lambda n: max(lengths.tokens[steps[n]]))
        mixed.remove(longest)
        mixed.insert(0, longest)
    return [steps[n] for n in mixed]


def batches_of(
    step: Sequence[int], lengths: Lengths, bounds: Bounds, ranks: int
) -> list[list[list[int]]]:
    """The batches of a step for each rank: as many for each, of like sizes at a time.

    A rank for which no sample is left has an empty batch.
    """
    batches = _within(step, lengths, bounds)
    while len(batches) % ranks and (widest := max(batches, key=len)) and len(widest) > 1:
        at = batches.index(widest)
        batches[at : at + 1] = [widest[: len(widest) // 2], widest[len(widest) // 2 :]]
    batches += [[] for _ in range(-len(batches) % ranks)]
    return [batches[rank::ranks] for rank in range(ranks)]


def _within(step: Sequence[int], lengths: Lengths, bounds: Bounds) -> list[list[int]]:
    """The samples of a step, longest first, in batches that keep to the bounds."""
    batches: list[list[int]] = []
    longest = image_tokens = 0
    for sample in sorted(step, key=lambda n: (-int(lengths.tokens[n]), n)):
        image_tokens += int(lengths.image_tokens[sample])
        rows = len(batches[-1]) + 1 if batches else 1
        if not batches or rows * longest > bounds.tokens or image_tokens > bounds.image_tokens:
            batches.append([])
            longest = int(lengths.tokens[sample])
            image_tokens = int(lengths.image_tokens[sample])
        batches[-1].append(sample)
    return batches


def filled_share(batch: Sequence[int], lengths: Lengths) -> float:
    """How much of a batch only fills rows up, 0 to 1."""
    if not batch:
        return 0.0
    tokens = lengths.tokens[list(batch)]
    return float(1 - tokens.sum() / (len(batch) * tokens.max()))
