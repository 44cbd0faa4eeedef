"""Parts of a reward that depend on what the other episodes of the group did."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from thinkimg_agent.trajectory import Trajectory
from thinkimg_train.rewards.parts import used_tools

GroupPart = Callable[..., list[float]]
"""(trajectories, scores, *, options) -> the worth of one thing about each, in their order."""


def curiosity(
    trajectories: Sequence[Trajectory], scores: Sequence[float], *, rate: float = 0.3
) -> list[float]:
    """max(H - share of the group that used tools, 0) for those that did, 0 for the others.

    r_curiosity of Pixel-Reasoner (arXiv 2505.15966, section on curiosity-driven rewards):
    while few use tools, trying them is worth something, and from the threshold H on it is
    not; there H is 0.3 and the weight 0.5. Here only calls that a tool carried out count.
    (Their released code divides by the share and quarters what comes out, which the paper
    does not say.)
    """
    used = [used_tools(trajectory) for trajectory in trajectories]
    missing = max(rate - sum(used) / max(1, len(used)), 0.0)
    return [missing if one else 0.0 for one in used]


GROUP_PARTS: dict[str, GroupPart] = {"curiosity": curiosity}
"""By the name that a configuration has for them."""
