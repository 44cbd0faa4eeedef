"""Sampling from a model's scores, with the probability that each token had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import transformers


@dataclass(frozen=True)
class LocalSampling:
    """How turns are sampled."""

    temperature: float = 0.0
    """0 takes the likeliest token."""
    top_p: float = 1.0
    seed: int = 0


GREEDY = LocalSampling()


class Sampled:
    """What one pass samples.

    The log-probabilities of a step are kept only until its token is known: those of
    all steps, (N, B, V), would take more memory than the model.
    """

    def __init__(
        self,
        sampling: LocalSampling,
        suppressed: Sequence[int],
        start: int,
        seeds: Sequence[int | None] = (),
    ) -> None:
        """
        Args:
            seeds: of each row, whose tokens are to follow from it; used if all rows have one.
        """
        self._sampling = sampling
        self._suppressed = torch.tensor(suppressed, dtype=torch.long)
        self._start = start
        drawn = sampling.temperature > 0 and bool(seeds)
        self._seeds = [seed for seed in seeds if seed is not None] if drawn else []
        if len(self._seeds) < len(seeds):
            self._seeds = []
        self._dice: list[torch.Generator] = []
        self._step: torch.Tensor | None = None
        """(B, V) of the step whose token is not known yet."""
        self._chosen: list[torch.Tensor] = []

    @property
    def left_to_draw(self) -> bool:
        """Whether `generate` is to draw tokens itself; else it takes the highest score."""
        return self._sampling.temperature > 0 and not self._seeds

    def processors(self) -> Any:
        """For `generate`, which samples from what the last one returns."""
        chain: Any = transformers.LogitsProcessorList()
        chain.append(self._suppress)
        if self._sampling.temperature > 0:
            chain.append(transformers.TemperatureLogitsWarper(self._sampling.temperature))
            if self._sampling.top_p < 1:
                chain.append(transformers.TopPLogitsWarper(self._sampling.top_p))
        chain.append(self._keep)
        return chain

    def turns(self, sequences: torch.Tensor) -> tuple[list[list[int]], list[list[float]]]:
        """Tokens and log-probabilities, (B, N) each, of what `generate` returned, (B, L + N)."""
        self._choose(sequences)
        ids: list[list[int]] = sequences[:, self._start :].tolist()
        logprobs: list[list[float]] = torch.stack(self._chosen, dim=1).tolist()
        return ids, logprobs

    def _suppress(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self._suppressed = self._suppressed.to(scores.device)
        return scores.index_fill(1, self._suppressed, -torch.inf)

    def _keep(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self._choose(ids)
        self._step = scores.float().log_softmax(-1)
        return self._step + self._noise(self._step) if self._seeds else scores

    def _noise(self, logprobs: torch.Tensor) -> torch.Tensor:
        """(B, V) Gumbel noise: the highest sum is a draw by these probabilities (Gumbel 1954)."""
        if not self._dice:
            device = logprobs.device
            self._dice = [torch.Generator(device).manual_seed(seed) for seed in self._seeds]
        rows = [
            torch.empty_like(row).exponential_(generator=dice)
            for row, dice in zip(logprobs, self._dice, strict=True)
        ]
        return -torch.stack(rows).log()

    def _choose(self, ids: torch.Tensor) -> None:
        if self._step is not None:
            self._chosen.append(self._step.gather(1, ids[:, -1:])[:, 0])
            self._step = None


def turn_seed(episode_seed: int, turn: int) -> int:
    """Of a turn of an episode."""
    return int(np.random.SeedSequence([episode_seed, turn]).generate_state(1, np.uint64)[0] >> 1)
