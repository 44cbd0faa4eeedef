"""How many of a policy's calls are valid where tools have names that it was never trained with.

    .venv/bin/python scripts/unseen_names.py runs/small/rl/model

Asks the questions of synthcharts three times: with the tools as they are, under names of the
kind that `naming.share` trains with, and under longer ones, which no training has seen.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from reproduction import ROOT, Stages, valid_calls
from thinkimg_eval.report.summary import Summary
from thinkimg_eval.run.config import NamingSection

GOAL = 5.0
"""Points, at most, between names of a kind that was seen and names that were not."""
NAMES: Mapping[str, tuple[object, ...]] = {
    "their own": (),
    "seen": ("--naming.share", 1),
    "never seen": ("--naming.share", 1, "--naming.syllables", NamingSection().syllables + 1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("model", type=Path)
    parser.add_argument("--work", type=Path, default=Stages.work)
    parser.add_argument("--questions", type=int, help="the first ones; all, if left out")
    asked = parser.parse_args()
    stages = Stages(asked.work, questions=asked.questions)
    runs = {
        names: stages.answered(
            asked.model, f"{asked.model.parent.name}-names-{names.replace(' ', '-')}", over=over
        )
        for names, over in NAMES.items()
    }
    summaries = {
        names: msgspec.json.decode((ROOT / run / "summary.json").read_bytes(), type=Summary)
        for names, run in runs.items()
    }
    print("\n".join(table(summaries)))


def table(summaries: Mapping[str, Summary]) -> Iterator[str]:
    """The lines of a table of Markdown, and whether the goal is met."""
    yield "| names of the tools | valid calls | calls a question | right |"
    yield "|---|---:|---:|---:|"
    for names, one in summaries.items():
        valid = valid_calls(one)
        shown = "-" if valid is None else f"{valid:.1f}"
        right = 100 * (one.accuracy.mean or 0.0)
        yield f"| {names} | {shown} | {one.tools.calls_per_question:.2f} | {right:.1f} |"
    seen, unseen = (valid_calls(summaries[names]) for names in ("seen", "never seen"))
    if seen is None or unseen is None:
        yield "\nNo tool was called: there is nothing to compare."
        return
    met = "met" if unseen >= seen - GOAL else "not met"
    yield f"\n{unseen - seen:+.1f} points under names never seen (goal: within {GOAL:g}): {met}."


if __name__ == "__main__":
    main()
