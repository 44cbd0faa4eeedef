"""`python -m bench.quality`: how good the tools' answers are, on pictures whose truth is known."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.environment import describe_machine, restart_as_a_worker_runs
from bench.report import (
    TOOLS_BEGIN,
    TOOLS_END,
    Section,
    goals_section,
    markdown,
    open_console,
    print_section,
    replace_generated,
)

AREAS = ("ocr", "panels", "grounding", "segment", "draw")
"""Each a module of this package, imported only when it is measured."""


def main() -> int:
    """Measure, print, and write what was asked for; 1 if a goal was missed."""
    options = _parse()
    restart_as_a_worker_runs("bench.quality")
    console = open_console()
    machine = describe_machine()
    console.print(machine, style="dim", highlight=False, end="\n\n")
    begin = time.monotonic()
    sections: list[Section] = []
    for section in _measured(options.only, console):
        sections.append(section)
        print_section(section, console)
    goals = goals_section(sections)
    print_section(goals, console)
    if options.contact_sheets:
        _save_contact_sheets(options.only, options.contact_sheets, console)
    console.print(f"took {time.monotonic() - begin:.0f} s", style="dim", highlight=False)
    if options.write:
        content = f"{datetime.now(UTC).date()}, {machine}\n\n{markdown([goals, *sections])}"
        document = replace_generated(options.write.read_text(), content, TOOLS_BEGIN, TOOLS_END)
        options.write.write_text(document)
    return int(any(not goal.met for section in sections for goal in section.goals))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument(
        "--only",
        type=_areas,
        default=AREAS,
        metavar="AREA,...",
        help=f"some of: {', '.join(AREAS)}",
    )
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="also put the tables into this document"
    )
    parser.add_argument(
        "--contact-sheets",
        type=Path,
        metavar="FOLDER",
        help="also save pictures of what the tools return, for a person to look at",
    )
    return parser.parse_args()


def _areas(text: str) -> tuple[str, ...]:
    areas = tuple(text.split(","))
    if unknown := set(areas) - set(AREAS):
        raise argparse.ArgumentTypeError(
            f"no area called {', '.join(sorted(unknown))}; there are {', '.join(AREAS)}"
        )
    return areas


def _measured(areas: tuple[str, ...], console: Console) -> Iterator[Section]:
    for area in areas:
        with _progress(console) as progress:
            section = _area(area).measure(progress)
        yield section


def _save_contact_sheets(areas: tuple[str, ...], folder: Path, console: Console) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for area in areas:
        console.print(f"{area}: {_area(area).contact_sheet(folder)}", highlight=False)


def _area(name: str) -> Any:
    return importlib.import_module(f"bench.quality.{name}")


def _progress(console: Console) -> Progress:
    """Bars that vanish when done; none where no terminal shows them."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    return Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


if __name__ == "__main__":
    sys.exit(main())
