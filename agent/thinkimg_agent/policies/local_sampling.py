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


class Sampler:
    """Draws tokens for turns that are written side by side."""

    def __init__(
        self,
        sampling: LocalSampling,
        suppressed: Sequence[int],
        seeds: Sequence[int | None] = (),
    ) -> None:
        """
        Args:
            suppressed: tokens that are never drawn.
            seeds: of each row, whose tokens are to follow from it; used if all rows have one.
        """
        self._sampling = sampling
        self._suppressed = torch.tensor(suppressed, dtype=torch.long)
        known = [seed for seed in seeds if seed is not None]
        self._seeds = known if len(known) == len(seeds) else []
        self._dice: list[torch.Generator] = []

    def draw(self, scores: torch.Tensor, rows: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """The next token of each row and its log-probability, (B,) each.

        Args:
            scores: (B, V) logits of the model.
            rows: which of all rows these are, as some may have ended.
        """
        sampling = self._sampling
        self._suppressed = self._suppressed.to(scores.device)
        scores = scores.float().index_fill(1, self._suppressed, -torch.inf)
        if sampling.temperature > 0:
            scores = scores / sampling.temperature
            if sampling.top_p < 1:
                likely: Any = transformers.TopPLogitsWarper(sampling.top_p)
                scores = likely(None, scores)
        logprobs = scores.log_softmax(-1)
        drawn = logprobs + self._noise(logprobs, rows) if sampling.temperature > 0 else logprobs
        tokens = drawn.argmax(-1)
        return tokens, logprobs.gather(1, tokens[:, None])[:, 0]

    def _noise(self, logprobs: torch.Tensor, rows: Sequence[int]) -> torch.Tensor:
        """(B, V) Gumbel noise: the highest sum is a draw by these probabilities (Gumbel 1954)."""
        if not self._seeds:
            return -torch.empty_like(logprobs).exponential_().log()
        if not self._dice:
            device = logprobs.device
            self._dice = [torch.Generator(device).manual_seed(seed) for seed in self._seeds]
        drawn = [
            torch.empty_like(row).exponential_(generator=self._dice[number])
            for number, row in zip(rows, logprobs, strict=True)
        ]
        return -torch.stack(drawn).log()


def turn_seed(episode_seed: int, turn: int) -> int:
    """Of a turn of an episode."""
    return int(np.random.SeedSequence([episode_seed, turn]).generate_state(1, np.uint64)[0] >> 1)
