"""The rollout workload: eight episodes at once, four calls each."""

from __future__ import annotations

from collections.abc import Mapping

from bench.arena import BASE64, IN_PROCESS, IN_PROCESS_OPENCV, MESH, Entrant
from bench.chart import chart_png
from bench.measure import Effort, Subject, Timing, compare, ratio_of_rates
from bench.report import Goal, Section, ms, times
from bench.workload import EPISODES, run_rollouts

GOAL_OVER_BASE64, GOAL_OVER_IN_PROCESS = 3.0, 1.3


async def measure_rollouts(entrants: Mapping[str, Entrant], effort: Effort) -> Section:
    """Wall time of `EPISODES` episodes at once, for each contender."""
    subjects = {name: await _subject(entrant) for name, entrant in entrants.items()}
    timings = await compare(subjects, 1, effort)
    section = Section(
        f"Rollout: {EPISODES} episodes at once, each Crop, line, Crop of that, line",
        ("", "wall ms, p50", "p99", "episodes/s", "wall / in process", "rate / base64", "CPU ms"),
    )
    for name, timing in timings.items():
        section.rows.append(
            (
                name,
                ms(timing.quantile_s(0.5)),
                ms(timing.quantile_s(0.99)),
                f"{timing.rate * EPISODES:.0f}",
                times(ratio_of_rates(timings, IN_PROCESS, name)),
                times(ratio_of_rates(timings, name, BASE64)),
                ms(timing.cpu_s),
            )
        )
    section.goals += _goals(timings)
    against_opencv = times(ratio_of_rates(timings, IN_PROCESS_OPENCV, MESH))
    section.notes += [
        "CPU ms: processor time of client and server together for the eight episodes.",
        "In process: in two threads of the client; images stay decoded, no digest is computed.",
        "FastAPI: uvicorn with uvloop and httptools, aiohttp with keep-alive, two threads; "
        "base64: every call carries its image, which is decoded; digests: kept decoded, as we do.",
        "All encode results with our PNG writer, except the row that names OpenCV's (same level "
        f"and filter): the mesh's wall time is {against_opencv} of that row's.",
    ]
    return section


async def _subject(entrant: Entrant) -> Subject:
    chart = await entrant.contender.open(chart_png())
    return Subject(
        lambda number: run_rollouts(entrant.contender, chart, number), entrant.server_pids
    )


def _goals(timings: Mapping[str, Timing]) -> list[Goal]:
    faster = ratio_of_rates(timings, MESH, BASE64)
    slower = ratio_of_rates(timings, IN_PROCESS, MESH)
    return [
        Goal(
            f"at least {GOAL_OVER_BASE64:g}× the throughput of FastAPI with base64",
            times(faster),
            faster >= GOAL_OVER_BASE64,
        ),
        Goal(
            f"at most {GOAL_OVER_IN_PROCESS:g}× the wall time in process",
            times(slower),
            slower <= GOAL_OVER_IN_PROCESS,
        ),
    ]
