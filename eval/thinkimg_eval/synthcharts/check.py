"""Is the small view what it is said to be? `python -m thinkimg_eval.synthcharts.check`

Measures what the version of the task promises: that text cannot be read in the view, that
colours can be told, that nobody gets far with the view alone, and that guessing is hopeless.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console
from rich.table import Table

from thinkimg_agent.dialects import DIALECTS
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.policies import Policy
from thinkimg_agent.policies.choice import open_policy
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import StopReason
from thinkimg_eval.synthcharts.asked import Family
from thinkimg_eval.synthcharts.legibility import Viewed, colors_told, words_read
from thinkimg_eval.synthcharts.plan import ChartPlan
from thinkimg_eval.synthcharts.samples import ChartSamples, draw
from thinkimg_eval.synthcharts.task import score
from thinkimg_eval.synthcharts.verify import as_sample
from thinkimg_eval.synthcharts.view import VIEWS, seen
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_rpc.serve.own_mesh import own_mesh

MOST_TEXT_READ = 0.05
MOST_BY_VIEW = 0.35
MOST_BY_GUESS = 0.20
MOST_BY_COIN = 0.6
"""Of yes and no: a half, and two standard deviations of what 126 throws of a coin give."""
LEAST_COLORS_TOLD = 0.95


@dataclass(frozen=True)
class Finding:
    """A figure and what it has to be."""

    name: str
    figure: float
    bound: float
    at_most: bool = True

    @property
    def met(self) -> bool:
        return self.figure <= self.bound if self.at_most else self.figure >= self.bound


async def check_view(
    *, seed: int = 0, view: str = "small", charts: int = 40, questions: int | None = None
) -> list[Finding]:
    """All that is promised of a view, on the test split of a seed; serves a mesh for it.

    Args:
        charts: how many are read by OCR, which takes about a second each.
        questions: how many are asked of the planner without tools; all if None.
    """
    max_pixels = VIEWS[view]
    samples = ChartSamples("test", seed, max_pixels)
    plans = list(dict.fromkeys(samples.plan(index) for index in range(len(samples))))
    few = [_viewed(plan, max_pixels) for plan in plans[:charts]]
    async with own_mesh() as address, Mesh(address) as mesh:
        return [
            Finding("words that OCR reads", await words_read(few, mesh), MOST_TEXT_READ),
            Finding("marks whose colour is told", colors_told(few), LEAST_COLORS_TOLD, False),
            *_by_guess("the most common answer", _most_common(samples)),
            *await _without_tools(samples, questions or len(samples), mesh),
        ]


def _viewed(plan: ChartPlan, max_pixels: int | None) -> Viewed:
    chart = draw(plan)
    view = chart.pixels if max_pixels is None else seen(chart.pixels, max_pixels)
    return Viewed(plan, chart, view)


def _most_common(samples: ChartSamples) -> dict[str, float]:
    """For each family, the score of the one answer that is best for all its questions."""
    families: dict[str, list[Sample]] = defaultdict(list)
    for question in samples.questions():
        families[question.asked.family.value].append(as_sample(question))
    return {
        family: max(_mean_score(guess, asked) for guess in {each.truth or "" for each in asked})
        for family, asked in families.items()
    }


def _mean_score(answer: str, samples: Sequence[Sample]) -> float:
    return sum(score(answer, sample) for sample in samples) / len(samples)


def _by_guess(name: str, figures: dict[str, float]) -> list[Finding]:
    return [
        Finding(f"{name}: {family}", figures[family], _bound_of(family))
        for family in sorted(figures)
    ]


def _bound_of(family: str) -> float:
    return MOST_BY_COIN if family == Family.YES_NO else MOST_BY_GUESS


async def _without_tools(samples: ChartSamples, questions: int, mesh: Mesh) -> list[Finding]:
    """The planner, with the view alone and with a blank image."""
    by_view: list[float] = []
    by_blank: dict[str, list[float]] = defaultdict(list)
    async with open_policy("planner:") as policy:
        for index in range(questions):
            sample = samples[index]
            by_view.append(await _score(sample, policy, mesh))
            blank = replace(sample, images=(_blank(samples.plan(index)),))
            by_blank[sample.category].append(await _score(blank, policy, mesh))
    blank_means = {family: sum(each) / len(each) for family, each in by_blank.items()}
    return [
        Finding("the planner with the view alone", sum(by_view) / len(by_view), MOST_BY_VIEW),
        *_by_guess("the planner with a blank image", blank_means),
    ]


async def _score(sample: Sample, policy: Policy, mesh: Mesh) -> float:
    trajectory = await run_episode(
        sample, policy, mesh, Limits(), dialect=DIALECTS["hermes"](), tools=()
    )
    if trajectory.stop is StopReason.ABORTED:
        raise RuntimeError(f"{sample.id}: {trajectory.stop_detail}")
    return 0.0 if trajectory.answer is None else score(trajectory.answer, sample)


def _blank(plan: ChartPlan) -> bytes:
    white = np.full((plan.sheet.height, plan.sheet.width, 3), 255, np.uint8)
    return encode_png(white)


def main() -> int:
    """Measure and print; 1 if a promise is not kept."""
    parser = argparse.ArgumentParser(
        prog="python -m thinkimg_eval.synthcharts.check", description=__doc__
    )
    parser.add_argument("--seed", type=int, default=0, help="of the test split")
    parser.add_argument("--charts", type=int, default=40, help="to be read by OCR")
    parser.add_argument("--view", choices=[*VIEWS], default="small")
    options = parser.parse_args()
    check = check_view(seed=options.seed, charts=options.charts, view=options.view)
    findings = asyncio.run(check)
    table = Table("", "measured", "promised", "")
    for finding in findings:
        bound = f"{'≤' if finding.at_most else '≥'} {finding.bound:.1%}"
        table.add_row(finding.name, f"{finding.figure:.1%}", bound, "" if finding.met else "missed")
    Console().print(table)
    return int(not all(finding.met for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
