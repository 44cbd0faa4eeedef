"""`python -m bench`: what a call costs on this machine, next to what others cost."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.agent import measure_agent
from bench.arena import open_arena
from bench.environment import describe_machine, restart_as_a_worker_runs
from bench.measure import Effort
from bench.memory import measure_memory
from bench.noop import measure_noop
from bench.ocr_recall import measure as measure_ocr
from bench.report import (
    Section,
    goals_section,
    markdown,
    open_console,
    print_section,
    replace_generated,
)
from bench.resilience import measure_resilience
from bench.reuse import measure_reuse
from bench.rollout import measure_rollouts
from bench.single_calls import measure_single_calls
from bench.soak import measure_soak

PARTS = ("rollout", "tools", "noop", "memory", "reuse", "agent", "ocr", "resilience")
QUICK_PARTS = PARTS[:4]
LONG_PARTS = ("soak", "sft", "rollouts")
"""Only when asked for by name."""
_LISTED = ", ".join(PARTS + LONG_PARTS)
ROLLOUT_EFFORT, GRID_EFFORT = Effort(9, 0.5), Effort(5, 0.3)
QUICK_ROLLOUT_EFFORT, QUICK_GRID_EFFORT = Effort(3, 0.25), Effort(2, 0.12)

Show = Callable[[Section], None]


def main() -> None:
    options = _parse()
    restart_as_a_worker_runs("bench")
    console = open_console()
    machine = describe_machine()
    console.print(machine, style="dim", highlight=False, end="\n\n")
    sections: list[Section] = []

    def show(section: Section) -> None:
        sections.append(section)
        print_section(section, console)

    begin = time.monotonic()
    parts = options.only or (QUICK_PARTS if options.quick else PARTS)
    asyncio.run(_measure(parts, options.quick, show))
    if "resilience" in parts:
        show(measure_resilience())
    # Only these parts need PyTorch, which takes seconds to import.
    if "sft" in parts:
        from bench.sft import measure_sft

        show(measure_sft())
    if "rollouts" in parts:
        from bench.group_rollouts import measure_group_rollouts

        show(measure_group_rollouts())
    goals = goals_section(sections)
    print_section(goals, console)
    console.print(f"took {time.monotonic() - begin:.0f} s", style="dim", highlight=False)
    if options.write:
        today = datetime.now(UTC).date()
        content = f"{today}, {machine}\n\n{markdown([goals, *sections])}"
        document = options.write.read_text()
        options.write.write_text(replace_generated(document, content))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer and shorter rounds of the first four parts"
    )
    parser.add_argument("--only", type=_parts, help=f"comma-separated, from: {_LISTED}")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="also put the tables into this document"
    )
    return parser.parse_args()


def _parts(text: str) -> tuple[str, ...]:
    parts = tuple(text.split(","))
    if unknown := set(parts) - set(PARTS) - set(LONG_PARTS):
        raise argparse.ArgumentTypeError(
            f"no part called {', '.join(sorted(unknown))}; there are {_LISTED}"
        )
    return parts


async def _measure(parts: tuple[str, ...], quick: bool, show: Show) -> None:
    grid_effort = QUICK_GRID_EFFORT if quick else GRID_EFFORT
    if "rollout" in parts or "tools" in parts:
        async with open_arena() as entrants:
            if "rollout" in parts:
                effort = QUICK_ROLLOUT_EFFORT if quick else ROLLOUT_EFFORT
                show(await measure_rollouts(entrants, effort))
            if "tools" in parts:
                for section in await measure_single_calls(entrants, grid_effort):
                    show(section)
    if "noop" in parts:
        for section in await measure_noop(grid_effort):
            show(section)
    if "memory" in parts:
        show(await measure_memory())
    if "reuse" in parts:
        for section in await measure_reuse():
            show(section)
    if "agent" in parts:
        show(await measure_agent())
    if "ocr" in parts:
        show(await measure_ocr())
    if "soak" in parts:
        show(await measure_soak())


if __name__ == "__main__":
    main()
