"""Rules that answer questions about synthetic charts with the tools, as a good teacher would."""

from __future__ import annotations

from thinkimg_eval.synthcharts.planner.policy import PlannerPolicy, next_turn, open_planner

__all__ = ["PlannerPolicy", "next_turn", "open_planner"]
