"""The learning rate of each step: a function of its number, so that resuming needs no state."""

from __future__ import annotations

import math

from thinkimg_train.config import ScheduleSection


def learning_rate(section: ScheduleSection, step: int, steps: int) -> float:
    """Of step `step`, counted from 0, out of `steps`.

    It climbs linearly over the warm-up, reaching its peak with the last step of that, and
    then falls to `final_share` of the peak at the end, as `kind` says.
    """
    warmup = warmup_steps(section, steps)
    if step < warmup:
        return section.learning_rate * (step + 1) / warmup
    gone = (step - warmup) / max(1, steps - warmup)
    shares = {
        "constant": 1.0,
        "linear": 1.0 - gone,
        "cosine": (1.0 + math.cos(math.pi * gone)) / 2,
    }
    share = shares[section.kind]
    return section.learning_rate * (section.final_share + (1 - section.final_share) * share)


def warmup_steps(section: ScheduleSection, steps: int) -> int:
    """How many steps the warm-up takes: those that are given, or a share of all."""
    if section.warmup_steps is not None:
        return min(section.warmup_steps, steps)
    return round(section.warmup_share * steps)
