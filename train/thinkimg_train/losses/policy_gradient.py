"""The losses that a policy learns by.

Each is one function of a batch, settings, and the size of the step that the batch is a
part of. They differ in what has a ratio (a token or a sequence), what is done about
large ones, and what counts alike (an episode or a token). The distance to a reference
and the weights of a sampler's mismatch are the same in all.

| name    | ratio    | large ratios    | mean                 |
|---------|----------|-----------------|----------------------|
| grpo    | token    | clipped         | of episodes          |
| dr_grpo | token    | clipped         | by a constant length |
| dapo    | token    | clipped         | of tokens            |
| cispo   | token    | weigh no more   | of tokens            |
| gspo    | sequence | clipped         | of episodes          |
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.losses.averaging import constant_mean, episode_mean, token_mean
from thinkimg_train.losses.clipping import Gain, clipped_gain, weighted_gain
from thinkimg_train.losses.divergence import k3
from thinkimg_train.losses.policy_batch import PolicyBatch, PolicyLoss, StepSize
from thinkimg_train.losses.ratios import sequence_ratios, token_ratios
from thinkimg_train.losses.settings import LossSection
from thinkimg_train.own_functions import is_own, own_function

LossFunction = Callable[[PolicyBatch, LossSection, StepSize], PolicyLoss]


def grpo(batch: PolicyBatch, settings: LossSection, step: StepSize) -> PolicyLoss:
    """Group relative policy optimization (DeepSeekMath, arXiv 2402.03300, equation 3)."""
    ratios = token_ratios(batch)
    gain = clipped_gain(ratios, batch.advantages, settings)
    loss = episode_mean(loss_terms(gain, batch, settings), batch.mask, step)
    return PolicyLoss(loss, ratios.detach(), gain.low, gain.high)


def dr_grpo(batch: PolicyBatch, settings: LossSection, step: StepSize) -> PolicyLoss:
    """GRPO done right, without its bias of length (arXiv 2503.20783, section 3.2)."""
    ratios = token_ratios(batch)
    gain = clipped_gain(ratios, batch.advantages, settings)
    terms = loss_terms(gain, batch, settings)
    loss = constant_mean(terms, batch.mask, step, settings.normal_tokens)
    return PolicyLoss(loss, ratios.detach(), gain.low, gain.high)


def dapo(batch: PolicyBatch, settings: LossSection, step: StepSize) -> PolicyLoss:
    """Decoupled clip, by tokens (DAPO, arXiv 2503.14476, equation 8)."""
    ratios = token_ratios(batch)
    gain = clipped_gain(ratios, batch.advantages, settings)
    loss = token_mean(loss_terms(gain, batch, settings), batch.mask, step)
    return PolicyLoss(loss, ratios.detach(), gain.low, gain.high)


def cispo(batch: PolicyBatch, settings: LossSection, step: StepSize) -> PolicyLoss:
    """Clipped weights of importance sampling (MiniMax-M1, arXiv 2506.13585, equation 4)."""
    ratios = token_ratios(batch)
    gain = weighted_gain(ratios, batch, settings)
    loss = token_mean(loss_terms(gain, batch, settings), batch.mask, step)
    return PolicyLoss(loss, ratios.detach(), gain.low, gain.high)


def gspo(batch: PolicyBatch, settings: LossSection, step: StepSize) -> PolicyLoss:
    """Group sequence policy optimization (arXiv 2507.18071, equation 5)."""
    ratios = sequence_ratios(batch)
    gain = clipped_gain(ratios, batch.advantages, settings)
    loss = episode_mean(loss_terms(gain, batch, settings), batch.mask, step)
    return PolicyLoss(loss, ratios.detach(), gain.low, gain.high)


LOSSES: dict[str, LossFunction] = {
    "grpo": grpo,
    "dr_grpo": dr_grpo,
    "dapo": dapo,
    "cispo": cispo,
    "gspo": gspo,
}
"""By the name that a configuration has for them."""


def loss_of(settings: LossSection) -> LossFunction:
    """Raises: InvalidRequest, naming a setting that cannot be."""
    own = is_own(settings.name)
    if not own and settings.name not in LOSSES:
        there = ", ".join(LOSSES)
        raise InvalidRequest.field("loss.name", f"write one of {there}, not {settings.name!r}")
    highest = 1 + settings.clip_high
    if settings.ratio_limit is not None and settings.ratio_limit <= highest:
        raise InvalidRequest.field(
            "loss.ratio_limit", f"write more than {highest:g}, which is 1 + clip_high"
        )
    return own_function(settings.name, "loss.name") if own else LOSSES[settings.name]


def loss_terms(gain: Gain, batch: PolicyBatch, settings: LossSection) -> torch.Tensor:
    """(B, T) or (B, 1): w_t (-gain_t) + weight × KL_t; what a mean is taken over.

    The KL of the policy to its reference is inside the loss and not weighted, as in GRPO
    (arXiv 2402.03300, equation 3).

    Raises: InvalidRequest, when a distance counts but no reference is known.
    """
    terms = -gain.values
    if batch.sampler_weights is not None:
        terms = terms * torch.where(batch.mask, batch.sampler_weights, 0.0)
    if settings.kl_weight == 0:
        return terms
    if batch.reference_logprobs is None:
        raise InvalidRequest.field("loss.kl_weight", "is not 0, but there is no reference model")
    now, reference = (
        torch.where(batch.mask, one, 0.0) for one in (batch.logprobs, batch.reference_logprobs)
    )
    return terms + settings.kl_weight * k3(now, reference)
