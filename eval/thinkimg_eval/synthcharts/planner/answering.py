"""Which rule answers which question."""

from __future__ import annotations

from thinkimg_eval.synthcharts.planner.answer import Answer
from thinkimg_eval.synthcharts.planner.any_chart import answer_about_text
from thinkimg_eval.synthcharts.planner.look import Look


def answer_to(look: Look) -> Answer:
    """Raises: NotYetSeen, with the calls that are needed first."""
    return answer_about_text(look)
