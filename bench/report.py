"""What a benchmark found, as tables: for the terminal and for docs/results.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable


@dataclass(frozen=True)
class Goal:
    """A figure that was promised, and what came of it."""

    text: str
    seen: str
    met: bool


@dataclass
class Section:
    """One table, what is to be known about it, and the goals it answers."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)


def print_section(section: Section, console: Console) -> None:
    """Print a section as a table, its goals and notes under it."""
    table = RichTable(title=escape(section.title), title_justify="left", title_style="bold")
    for index, column in enumerate(section.columns):
        table.add_column(escape(column), justify="right" if index else "left", no_wrap=True)
    for row in section.rows:
        table.add_row(*(escape(cell) for cell in row))
    console.print(table)
    for goal in section.goals:
        style = "green" if goal.met else "red"
        word = "met" if goal.met else "not met"
        console.print(f"  goal: {escape(goal.text)}: {escape(goal.seen)} [{style}]{word}[/]")
    for note in section.notes:
        console.print(f"  {escape(note)}", style="dim")
    console.print()


def markdown(sections: Sequence[Section]) -> str:
    """The sections as Markdown."""
    return "\n".join(line for section in sections for line in _markdown_lines(section))


def ms(seconds: float) -> str:
    """Milliseconds, to three figures."""
    value = seconds * 1e3
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def times(ratio: float) -> str:
    return f"{ratio:.2f}×"


def _markdown_lines(section: Section) -> list[str]:
    lines = [f"### {section.title}", ""]
    lines.append("| " + " | ".join(section.columns) + " |")
    lines.append("|" + "|".join(["---", *["---:"] * (len(section.columns) - 1)]) + "|")
    lines += ["| " + " | ".join(row) + " |" for row in section.rows]
    lines.append("")
    for goal in section.goals:
        lines.append(f"* Goal: {goal.text}: {goal.seen}, {'met' if goal.met else '**not met**'}.")
    lines += [f"* {note}" for note in section.notes]
    if section.goals or section.notes:
        lines.append("")
    return lines
