from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench.report import (
    BEGIN,
    END,
    TOOLS_BEGIN,
    TOOLS_END,
    Goal,
    Section,
    goals_section,
    markdown,
    ms,
    print_section,
    replace_generated,
)

SECTION = Section(
    "Calls [1280×960]",
    ("", "p50 ms"),
    [("mesh", "1.2"), ("in process", "0.9")],
    ["Measured twice."],
    [Goal("under 1 ms", "1.2 ms", met=False), Goal("under 2 ms", "1.2 ms", met=True)],
)


def test_a_section_prints_as_a_table_with_its_goals_and_notes() -> None:
    console = Console(file=io.StringIO(), width=100)
    print_section(SECTION, console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "Calls [1280×960]" in text
    assert "│ in process │" in text
    assert "goal: under 1 ms: 1.2 ms not met" in text
    assert "goal: under 2 ms: 1.2 ms met" in text
    assert "Measured twice." in text


def test_a_section_becomes_markdown() -> None:
    assert markdown([SECTION]).splitlines() == [
        "### Calls [1280×960]",
        "",
        "|  | p50 ms |",
        "|---|---:|",
        "| mesh | 1.2 |",
        "| in process | 0.9 |",
        "",
        "* Goal: under 1 ms: 1.2 ms, **not met**.",
        "* Goal: under 2 ms: 1.2 ms, met.",
        "* Measured twice.",
    ]


def test_all_goals_stand_in_one_table() -> None:
    assert goals_section([SECTION, SECTION]).rows == 2 * [
        ("under 1 ms", "1.2 ms", "not met"),
        ("under 2 ms", "1.2 ms", "met"),
    ]


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    document = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replace_generated(document, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    with pytest.raises(ValueError, match="followed by"):
        replace_generated("no markers", "new")


def test_each_benchmark_writes_between_its_own_markers() -> None:
    document = f"{BEGIN}\nold\n{END}\n{TOOLS_BEGIN}\nold\n{TOOLS_END}\n"
    written = replace_generated(document, "new", TOOLS_BEGIN, TOOLS_END)
    assert written == f"{BEGIN}\nold\n{END}\n{TOOLS_BEGIN}\nnew\n{TOOLS_END}\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.000_123_4, "0.123"), (0.012_34, "12.3"), (0.1, "100"), (1.5, "1500")]
)
def test_milliseconds_have_three_figures(seconds: float, text: str) -> None:
    assert ms(seconds) == text
