"""What the mesh loses when parts of it fail: nothing. `python -m bench.resilience`.

Runs those of tests/resilience that note figures, with the long checks in full
and the promises as they stand, and shows the figures. It takes two and a half
minutes, and wants the machine for itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

from bench.environment import describe_machine
from bench.report import Goal, Section, open_console, print_section

TESTS = Path(__file__).parents[1] / "tests" / "resilience"
FILES = (
    "test_lost_worker.py",
    "test_lost_hub.py",
    "test_front_door_losses.py",
    "test_cut_link.py",
    "test_false_alarms.py",
    "test_many_workers.py",
    "test_episodes.py",
)
FIGURES_VARIABLE = "THINKIMG_FIGURES"

Figure = dict[str, Any]
"""A line that the tests wrote: scenario, what, value, unit, promise."""


def measure_resilience() -> Section:
    """One table: each scenario, what was seen, and what was promised."""
    with tempfile.TemporaryDirectory(prefix="thinkimg-") as folder:
        file = Path(folder) / "figures.jsonl"
        file.touch()
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-rs", *(str(TESTS / name) for name in FILES)],
            env={**os.environ, FIGURES_VARIABLE: str(file)},
            cwd=TESTS.parents[1],
            capture_output=True,
            text=True,
        )
        figures: list[Figure] = [json.loads(line) for line in file.read_text().splitlines()]
    section = Section("When parts of the mesh fail", ("", "seen", "promised"))
    for scenario, group in groupby(figures, key=lambda figure: figure["scenario"]):
        section.rows.append((scenario, "", ""))
        section.rows += [_row(figure) for figure in group]
    section.goals.append(_goal(figures))
    summary = run.stdout.strip().splitlines()
    section.notes += [line for line in summary if line.startswith(("FAILED", "ERROR", "SKIPPED"))]
    section.notes.append(f"tests/resilience: {summary[-1]}")
    return section


def _row(figure: Figure) -> tuple[str, str, str]:
    promise, unit = figure["promise"], figure["unit"]
    promised = "" if promise is None else f"≤ {promise:g} {unit}".rstrip() if promise else "0"
    broken = "" if _kept(figure) else " (broken)"
    return f"    {figure['what']}", _seen(figure["value"], unit), promised + broken


def _seen(value: float, unit: str) -> str:
    if unit == "s":
        return f"{value:.2f} s" if value >= 0.1 else f"{value * 1e3:.0f} ms"
    return f"{value:.2f}" if value % 1 else f"{value:.0f}"


def _kept(figure: Figure) -> bool:
    return figure["promise"] is None or figure["value"] <= figure["promise"]


def _goal(figures: list[Figure]) -> Goal:
    promised = [figure for figure in figures if figure["promise"] is not None]
    kept = sum(map(_kept, promised))
    met = kept == len(promised) > 0
    return Goal("nothing is lost, and all is back in time", f"{kept} of {len(promised)}", met)


def main() -> int:
    """Print the table; the exit status."""
    console = open_console()
    console.print(describe_machine(), style="dim", highlight=False, end="\n\n")
    section = measure_resilience()
    print_section(section, console)
    return 0 if all(goal.met for goal in section.goals) else 1


if __name__ == "__main__":
    sys.exit(main())
