"""Crop and DrawHorizontalLineByY on a 1280x960 chart, by everyone who can call them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.arena import BASE64, Entrant
from bench.chart import HEIGHT, WIDTH, chart_png
from bench.grid import grid_section, measure_grid
from bench.measure import Effort, Subject
from bench.report import Section
from bench.workload import Step, crop_step, line_step

_STEPS: dict[str, Callable[[int], Step]] = {"Crop": crop_step, "DrawHorizontalLineByY": line_step}


async def measure_single_calls(entrants: Mapping[str, Entrant], effort: Effort) -> list[Section]:
    """One table for each tool."""
    sections = []
    for tool, step in _STEPS.items():
        subjects = {name: await _subject(entrant, step) for name, entrant in entrants.items()}
        timings = await measure_grid(subjects, effort)
        title = f"{tool} on a {WIDTH}×{HEIGHT} chart (PNG, {len(chart_png()) // 1000} kB)"
        sections.append(grid_section(title, timings, BASE64))
    return sections


async def _subject(entrant: Entrant, step: Callable[[int], Step]) -> Subject:
    chart = await entrant.contender.open(chart_png())
    return Subject(lambda number: entrant.contender.run(step(number), chart), entrant.server_pids)
