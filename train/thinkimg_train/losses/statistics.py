"""What a step did, in numbers to be logged and watched."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from thinkimg_train.losses.divergence import k3
from thinkimg_train.losses.mismatch import log_mismatch
from thinkimg_train.losses.policy_batch import PolicyBatch, PolicyLoss

MEANS = (
    "ratio_mean",
    "clipped_low",
    "clipped_high",
    "kl_old",
    "kl_reference",
    "entropy",
    "mismatch_kl",
    "mismatch_mean",
    "mismatch_weight",
)
"""clipped: shares. kl_old: of this policy from the one before the step; kl_reference: from the
reference. mismatch_kl: of the trainer's numbers from the sampler's; mismatch_mean: how far
apart two log-probabilities of the same token are."""
MAXIMA = ("ratio_max", "mismatch_max")
"""mismatch_max: the furthest apart that they are."""


@dataclass(frozen=True)
class Tally:
    """Numbers of some batches, in a form that adds up to those of a whole step.

    Of several processes, `sums` and `counts` are to be added up and `maxima` compared.
    """

    sums: torch.Tensor
    """(9,) float64, in the order of `MEANS`."""
    counts: torch.Tensor
    """(9,) float64, of tokens or sequences."""
    maxima: torch.Tensor
    """(2,) float64, in the order of `MAXIMA`; minus infinity where there was nothing."""

    def __add__(self, other: Tally) -> Tally:
        maxima = torch.maximum(self.maxima, other.maxima)
        return Tally(self.sums + other.sums, self.counts + other.counts, maxima)

    def numbers(self) -> dict[str, float]:
        """By name, without those of which there was nothing."""
        sums, counts = self.sums.tolist(), self.counts.tolist()
        means = zip(MEANS, sums, counts, strict=True)
        found = {name: total / count for name, total, count in means if count}
        largest = zip(MAXIMA, self.maxima.tolist(), strict=True)
        return found | {name: value for name, value in largest if value > float("-inf")}


def tally(
    batch: PolicyBatch,
    result: PolicyLoss,
    *,
    entropies: torch.Tensor | None = None,
    sampler_logprobs: torch.Tensor | None = None,
) -> Tally:
    """Of one batch and the loss it had; nothing waits for the device.

    Args:
        entropies: (B, T)
        sampler_logprobs: (B, T) as the sampler gave them.
    """
    mask, now = batch.mask, batch.logprobs.detach()
    where = _where(result.ratios, mask)
    means = {
        "ratio_mean": _total(result.ratios, where),
        "clipped_low": _total(result.clipped_low, where),
        "clipped_high": _total(result.clipped_high, where),
        "kl_old": _total(k3(batch.old_logprobs, now), mask),
    }
    if batch.reference_logprobs is not None:
        means["kl_reference"] = _total(k3(now, batch.reference_logprobs), mask)
    if entropies is not None:
        means["entropy"] = _total(entropies.detach(), mask)
    maxima = {"ratio_max": _largest(result.ratios, where)}
    if sampler_logprobs is not None:
        apart = log_mismatch(batch.old_logprobs, sampler_logprobs, mask)
        means["mismatch_kl"] = _total(k3(torch.zeros_like(apart), apart), mask)
        means["mismatch_mean"] = _total(apart.abs(), mask)
        maxima["mismatch_max"] = _largest(apart.abs(), mask)
    if batch.sampler_weights is not None:
        weights = batch.sampler_weights
        means["mismatch_weight"] = _total(weights, _where(weights, mask))
    nothing = now.new_zeros(2, dtype=torch.float64)
    sums = torch.stack([means.get(name, nothing) for name in MEANS])
    least = now.new_full((), float("-inf"), dtype=torch.float64)
    return Tally(sums[:, 0], sums[:, 1], torch.stack([maxima.get(name, least) for name in MAXIMA]))


def _where(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(B, T) the tokens, or (B, 1) the sequences, that values are of."""
    return mask if values.shape == mask.shape else mask.any(-1, keepdim=True)


def _total(values: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """(2,) the sum and how many it is of."""
    return torch.stack([torch.where(where, values.double(), 0.0).sum(), where.sum().double()])


def _largest(values: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    return torch.where(where, values.double(), float("-inf")).amax()
