"""The reward of episodes: parts, weighted and added up, and each known apart."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_eval.run.fields import refuse_unknown
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.own_functions import is_own, own_function
from thinkimg_train.rewards.group_parts import GROUP_PARTS
from thinkimg_train.rewards.parts import PARTS


class RewardSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[reward]`: what an episode is worth."""

    weights: dict[str, float] = msgspec.field(
        default_factory=lambda: {"accuracy": 1.0, "format": 0.1}
    )
    """Of parts, by name or as path/to/file.py:function; 0: only logged."""
    options: dict[str, dict[str, float]] = {}
    """Of parts that have some: `[reward.options.curiosity] rate = 0.5`."""
    gate: str = ""
    """A part that the sum is multiplied with; empty: none."""


@dataclass(frozen=True)
class Reward:
    """Of one episode."""

    total: float
    parts: Mapping[str, float]
    """Without their weights."""


def check_rewards(section: RewardSection) -> None:
    """Raises: InvalidRequest, naming a part or an option that there is not or that is missing."""
    known = {**PARTS, **GROUP_PARTS}
    refuse_unknown([name for name in section.weights if not is_own(name)], known, "reward.weights")
    if section.gate and section.gate not in known and not is_own(section.gate):
        raise InvalidRequest.field("reward.gate", f"write one of {', '.join(known)}")
    wanted = _names(section)
    if not wanted:
        raise InvalidRequest.field("reward.weights", "is empty: name at least one part")
    refuse_unknown(section.options, wanted, "reward.options")
    for name in wanted:
        where, given = f"reward.options.{name}", section.options.get(name, {})
        options = _options(_part(name))
        refuse_unknown(given, options, where)
        for option, required in options.items():
            if required and option not in given:
                raise InvalidRequest.field(f"{where}.{option}", "is missing")


def rewards_of(
    trajectories: Sequence[Trajectory], scores: Sequence[float], section: RewardSection
) -> list[Reward | None]:
    """Of the episodes of one group, in their order; None for those that were aborted.

    What the mesh did wrong is no behaviour of the model: an aborted episode has no reward
    and changes none. The section is one that `check_rewards` has let pass.
    """
    rated = [
        number
        for number, trajectory in enumerate(trajectories)
        if trajectory.stop is not StopReason.ABORTED
    ]
    kept = [trajectories[number] for number in rated]
    parts = _parts_of(kept, [scores[number] for number in rated], section)
    found: list[Reward | None] = [None] * len(trajectories)
    for place, number in enumerate(rated):
        found[number] = _weighed({name: values[place] for name, values in parts.items()}, section)
    return found


def mean_rewards(rewards: Sequence[Reward | None]) -> dict[str, float]:
    """For the log: the mean `reward`, and of each part as `reward/NAME`."""
    kept = [reward for reward in rewards if reward is not None]
    if not kept:
        return {}
    names = {"reward": [one.total for one in kept]}
    names |= {f"reward/{name}": [one.parts[name] for one in kept] for name in kept[0].parts}
    return {name: sum(values) / len(values) for name, values in names.items()}


def _parts_of(
    trajectories: Sequence[Trajectory], scores: Sequence[float], section: RewardSection
) -> dict[str, list[float]]:
    found = {}
    for name in _names(section):
        options = section.options.get(name, {})
        part = _part(name)
        if _is_of_group(part):
            found[name] = part(trajectories, scores, **options)
        else:
            both = zip(trajectories, scores, strict=True)
            found[name] = [part(trajectory, score, **options) for trajectory, score in both]
    return found


def _weighed(parts: Mapping[str, float], section: RewardSection) -> Reward:
    total = sum(weight * parts[name] for name, weight in section.weights.items())
    return Reward(total * parts[section.gate] if section.gate else total, parts)


def _names(section: RewardSection) -> list[str]:
    """Of all parts that are to be computed."""
    return list(dict.fromkeys([*section.weights, *([section.gate] if section.gate else [])]))


def _part(name: str) -> Callable[..., Any]:
    """Raises: InvalidRequest, when a function of the user's own is not there."""
    if is_own(name):
        return own_function(name, f"reward.weights.{name}")
    return {**PARTS, **GROUP_PARTS}[name]


def _is_of_group(part: Callable[..., Any]) -> bool:
    """Whether it is asked about all episodes of a group at once."""
    return next(iter(inspect.signature(part).parameters)) == "trajectories"


def _options(part: Callable[..., Any]) -> dict[str, bool]:
    """The names of a part's options, and whether each has to be given."""
    return {
        name: parameter.default is parameter.empty
        for name, parameter in inspect.signature(part).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
