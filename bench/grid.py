"""The same call made by several contenders, one after another and many at once."""

from __future__ import annotations

from collections.abc import Mapping

from bench.measure import Effort, Subject, Timing, compare, ratio_of_rates
from bench.report import Section, ms, times

IN_FLIGHT = (1, 8, 32)

Timings = Mapping[int, Mapping[str, Timing]]
"""Calls in flight -> contender -> its calls."""


async def measure_grid(subjects: Mapping[str, Subject], effort: Effort) -> Timings:
    """Measure every subject with each number of calls in flight."""
    return {in_flight: await compare(subjects, in_flight, effort) for in_flight in IN_FLIGHT}


def grid_section(title: str, timings: Timings, reference: str) -> Section:
    """A row for each contender; rates also as multiples of the reference's."""
    columns = ["in flight:"]
    for in_flight in IN_FLIGHT:
        columns += [f"{in_flight}: p50 ms", "p99 ms", "calls/s"]
    section = Section(title, (*columns, f"calls/s / {reference}", "CPU ms"))
    for name, last in timings[IN_FLIGHT[-1]].items():
        cells, ratios = [name], []
        for in_flight in IN_FLIGHT:
            timing = timings[in_flight][name]
            cells += [
                ms(timing.quantile_s(0.5)),
                ms(timing.quantile_s(0.99)),
                f"{timing.rate:.0f}",
            ]
            ratios.append(times(ratio_of_rates(timings[in_flight], name, reference)))
        section.rows.append((*cells, " ".join(ratios), ms(last.cpu_s)))
    return section
