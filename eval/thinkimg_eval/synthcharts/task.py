"""The task `synthcharts`: questions about generated charts, without any download."""

from __future__ import annotations

from thinkimg_agent.sample import Sample
from thinkimg_eval.scorers import exact, relaxed
from thinkimg_eval.synthcharts.asked import Family
from thinkimg_eval.synthcharts.samples import ChartSamples
from thinkimg_eval.synthcharts.splits import VERSION
from thinkimg_eval.synthcharts.view import VIEWS
from thinkimg_eval.task import Task

_PROMPT = "Answer with a name as it is written in the chart, with a number, or with yes or no."


def synthcharts(*, split: str = "test", seed: int = 0, view: str = "small") -> Task:
    """Charts with exact answers.

    Args:
        split: "train" (14,501 questions), "sft" (2,942), "dev" (500) or "test" (994).
            No chart is in two of them, whatever the seeds.
        seed: any other number gives other charts.
        view: "small", where a policy sees structure and colours but cannot read without
            tools, or "full".

    Raises: ValueError, when there is no such split or view.
    """
    if view not in VIEWS:
        raise ValueError(f"there is no view {view!r}: choose one of {', '.join(VIEWS)}")
    return Task(
        name="synthcharts",
        version=VERSION,
        samples=ChartSamples(split, seed, VIEWS[view]),
        scorer=score,
        apart=(Family.ARITHMETIC.value,),
        prompt=_PROMPT,
    )


def score(answer: str, sample: Sample) -> float:
    """A number within the tolerance of its question, or else exactly the right word."""
    return relaxed(answer, sample) if "tolerance" in sample.details else exact(answer, sample)
