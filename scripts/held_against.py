"""What learning with the tools gains over each other row of the table, and the controls that must
fail; lines of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from reproduction import ROOT, Row, cell
from thinkimg_eval.report.comparison import compare
from thinkimg_eval.report.intervals import Estimate
from thinkimg_eval.report.results import read_results

OURS = "V-ToolRL"
MARGIN = 3.0
"""Points above learning without tools that a control may reach."""


def differences(rows: Sequence[Row]) -> Iterator[str]:
    """A table of what tools in reinforcement learning gain over each other row that learned."""
    (ours,) = [row for row in rows if row.name == OURS]
    others = [row for row in rows if row.learned and row is not ours]
    yield f"{OURS} minus each other row, question by question, in points with 95% intervals:"
    yield ""
    yield f"| | {' | '.join(f'run {n + 1}' for n in range(len(ours.runs)))} |"
    yield f"|---|{'---:|' * len(ours.runs)}"
    for row in others:
        # There is one run of what has not learned anything yet.
        theirs = row.runs * (len(ours.runs) // len(row.runs))
        pairs = zip(theirs, ours.runs, strict=True)
        cells = [_said(compare(ROOT / first, ROOT / second).difference) for first, second in pairs]
        yield f"| {row.name} | {' | '.join(cells)} |"


def closed(rows: Sequence[Row]) -> Iterator[str]:
    """How much of the way from fine-tuning to the planner reinforcement learning has gone."""
    means = {row.name: _mean_accuracy(row) for row in rows}
    whole = means["planner"] - means["SFT"]
    share = f"{(means[OURS] - means['SFT']) / whole:.0%}" if whole > 0 else "-"
    yield f"Of the distance from SFT to the planner {OURS} closes {share} (goal: at least 40%)."


def controls(rows: Sequence[Row], bad: Sequence[Row]) -> Iterator[str]:
    """A table of what must fail, with the most it may reach."""
    means = {row.name: 100 * _mean_accuracy(row) for row in rows}
    text = max(mean for name, mean in means.items() if name.startswith("Text-RL"))
    yield "| must fail | right | may reach |"
    yield "|---|---:|---:|"
    for row in bad:
        of_chance = row.name == "reward of chance"
        most = means["SFT"] if of_chance else text + MARGIN
        said = f"{most:.1f}, as SFT" if of_chance else f"{most:.1f}, Text-RL + {MARGIN:g}"
        right = cell([100 * accuracy_of(run) for run in row.runs])
        yield f"| {row.name} | {right} | {said} |"


def accuracy_of(run: Path) -> float:
    scores = [one.score for one in read_results(ROOT / run).results if one.score is not None]
    return sum(scores) / len(scores)


def _mean_accuracy(row: Row) -> float:
    return sum(accuracy_of(run) for run in row.runs) / len(row.runs)


def _said(one: Estimate) -> str:
    mean, low, high = (100 * (value or 0.0) for value in (one.mean, one.low, one.high))
    return f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"
