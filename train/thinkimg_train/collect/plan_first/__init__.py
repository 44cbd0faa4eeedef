"""A teacher in four stages: it plans all calls, the real tools complete them, it says why, and
rules filter what came of it.

As Su et al. made the first trajectories of OpenThinkIMG (arXiv 2505.08617, section on
the synthesis of cold-start data). The model writes twice, and never sees the truth.
"""

from __future__ import annotations

from thinkimg_train.collect.plan_first.attempt import PlanFirst
from thinkimg_train.collect.plan_first.completing import BrokenPlan, complete_calls
from thinkimg_train.collect.plan_first.planning import Plan, Step, plan_actions
from thinkimg_train.collect.plan_first.rationale import Rationale, with_rationale, write_rationale

__all__ = [
    "BrokenPlan",
    "Plan",
    "PlanFirst",
    "Rationale",
    "Step",
    "complete_calls",
    "plan_actions",
    "with_rationale",
    "write_rationale",
]
