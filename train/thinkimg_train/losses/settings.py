"""What a configuration says about the loss of a policy."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from thinkimg_train.data_config import AtLeastOne, Share

NotNegative = Annotated[float, msgspec.Meta(ge=0)]
OneOrMore = Annotated[float, msgspec.Meta(ge=1)]


class LossSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[loss]`: what a policy is made better by."""

    name: str = "grpo"
    """One of `policy_gradient.LOSSES`, or path/to/file.py:function."""
    clip_low: Share = 0.2
    """Nothing is gained by making a token rarer than 1 - this times what it was."""
    clip_high: NotNegative = 0.2
    """Nothing is gained by making one more frequent than 1 + this times what it was; with more
    than `clip_low`, rare tokens can become frequent (clip-higher, DAPO recommends 0.28). GSPO
    wants both far smaller (3e-4 and 4e-4); CISPO has only this one, far larger (4)."""
    ratio_limit: OneOrMore | None = None
    """Two-sided clipping: of a token that made things worse, at most so many times what it was
    counts, where clipping alone has no bound. More than 1 + `clip_high`; INTELLECT-2 has 4."""
    kl_weight: NotNegative = 0.0
    """Of the distance to the reference model; 0: there is none."""
    normal_tokens: AtLeastOne = 1024
    """By which dr_grpo divides the sum over an episode, whatever its length: as many tokens
    as one may have."""


class MismatchSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[mismatch]`: for what the sampler's probabilities differ from the trainer's."""

    level: Literal["no", "token", "sequence"] = "token"
    """What is weighted as one; no: nothing is."""
    cap: OneOrMore = 2.0
    """No weight is more."""
