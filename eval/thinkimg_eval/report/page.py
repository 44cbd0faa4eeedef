"""The page of a run: figures, plots, and a link to each episode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from thinkimg_agent.trajectory import Trajectory
from thinkimg_agent.viewer import write_part
from thinkimg_eval.report.results import Result
from thinkimg_eval.report.summary import Summary, by_category

PAGE = "report.html"
EPISODES = "episodes"
PER_PAGE = 50
"""Episodes of one page: they come with all their turns and pictures."""
VERDICTS = ("right", "wrong", "unanswered", "aborted")
MOST_BARS = 8


@dataclass(frozen=True)
class BarPart:
    verdict: str
    y: int
    """Where it begins, counted from the top."""
    count: int


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram, with how its questions went."""

    label: str
    total: int
    share: float
    """Of the highest bar."""
    parts: list[BarPart]


def write_run_page(path: Path, summary: Summary, results: Sequence[Result]) -> None:
    """Write a run's page to `path`; it needs nothing beside itself, but its links do."""
    verdicts = Counter(one.verdict for one in results)
    use = {"any tool": summary.tools.used, "no tool": summary.tools.not_used}
    by_tool = {name: tool.accuracy for name, tool in summary.tools.by_tool.items()}
    html = (
        templates()
        .get_template("page.html")
        .render(
            summary=summary,
            categories=by_category(summary),
            results=results,
            verdicts={name: verdicts[name] for name in VERDICTS if name in verdicts},
            tool_use=use | (by_tool if len(by_tool) > 1 else {}),
            histograms=[
                (
                    "Tool calls of a question",
                    histogram(results, lambda one: sum(one.calls.values())),
                ),
                ("Turns of a question", histogram(results, lambda one: one.turns)),
            ]
            if results
            else [],
            costs=summary.cost.by_name() if summary.cost is not None else {},
            link_of=episode_link,
        )
    )
    path.write_text(html, encoding="utf-8")


def write_episode_pages(run: Path, trajectories: Iterator[Trajectory], questions: int) -> None:
    """Write the pages that `episode_link` points to, from a run's trajectories in order."""
    folder = run / EPISODES
    folder.mkdir(exist_ok=True)
    for number, some in groupby(trajectories, lambda one: _page_of(one.sample_index or 0)):
        first = number * PER_PAGE + 1
        last = min(questions, first + PER_PAGE - 1)
        links = {"report": f"../{PAGE}"}
        if number > 0:
            links["before"] = _file_of(number - 1)
        if last < questions:
            links["after"] = _file_of(number + 1)
        write_part(
            run,
            folder / _file_of(number),
            (((one.sample_index or 0) + 1, one) for one in some),
            name=f"Questions {first} to {last}",
            links=links,
        )


def episode_link(index: int) -> str:
    """Where the episode of a question is, from the run's folder."""
    return f"{EPISODES}/{_file_of(_page_of(index))}#episode-{index + 1}"


def histogram(results: Sequence[Result], figure: Callable[[Result], int]) -> list[Bar]:
    """A bar for each whole number, the last one for all that are above."""
    least = min(figure(one) for one in results)
    most = min(least + MOST_BARS, max(figure(one) for one in results))
    bars = [
        Counter(one.verdict for one in results if min(figure(one), most) == value)
        for value in range(least, most + 1)
    ]
    highest = max(bar.total() for bar in bars)
    cut_off = any(figure(one) > most for one in results)
    return [
        Bar(
            label=f"{value}+" if cut_off and value == most else str(value),
            total=bar.total(),
            share=bar.total() / highest,
            parts=_stacked(bar),
        )
        for value, bar in enumerate(bars, least)
    ]


@lru_cache(maxsize=1)
def templates() -> Environment:
    """Those beside this file."""
    return Environment(
        loader=PackageLoader("thinkimg_eval.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _stacked(counts: Counter[str]) -> list[BarPart]:
    """Right ones at the bottom."""
    parts = []
    y = counts.total()
    for verdict in VERDICTS:
        if counts[verdict]:
            y -= counts[verdict]
            parts.append(BarPart(verdict, y, counts[verdict]))
    return parts


def _page_of(index: int) -> int:
    return index // PER_PAGE


def _file_of(page: int) -> str:
    return f"{page + 1:04}.html"
