"""A thousand episodes with images: what the client's process holds in memory on the way."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bench.agent import DIALECT, IMAGES_IN_FLIGHT, chart_sample, open_chat
from bench.processes import image_worker, serve_mesh
from bench.report import Goal, Section
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.trajectory import StopReason
from thinkimg_agent.trajectory_file import TrajectoryWriter
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.settings import MIB

EPISODES = 1000
SETTLED = 200
STEP = 100
CLIENT_IMAGE_BYTES = 32 * MIB
"""So little that its memory of images is full long before `SETTLED`."""
GOAL_GROWTH = 0.05


async def measure_soak() -> Section:
    """Resident memory after every hundredth episode."""
    resident_mb: dict[int, float] = {}
    with TemporaryDirectory(prefix="thinkimg-soak-") as folder:
        await _soak(Path(folder), resident_mb)
    section = Section(f"{EPISODES} episodes with images", ("episodes done", "client MB"))
    section.rows += [(str(done), f"{mb:.0f}") for done, mb in resident_mb.items()]
    growth = resident_mb[EPISODES] / resident_mb[SETTLED] - 1
    section.goals.append(
        Goal(
            f"from episode {SETTLED} to {EPISODES}, memory grows by less than {GOAL_GROWTH:.0%}",
            f"{growth:+.1%}",
            growth < GOAL_GROWTH,
        )
    )
    section.notes.append(
        f"{IMAGES_IN_FLIGHT} in flight, three calls and four images each, each on a chart of its "
        "own, with `openai:` behind HTTP, and written to disk. The client's memory of images is "
        f"bounded at {CLIENT_IMAGE_BYTES // MIB} MiB here, so that it is full at the first figure."
    )
    return section


async def _soak(folder: Path, resident_mb: dict[int, float]) -> None:
    numbers = iter(range(EPISODES))
    done = 0
    async with (
        serve_mesh(image_worker()) as served,
        Mesh(served.address, image_memory_bytes=CLIENT_IMAGE_BYTES) as mesh,
        open_chat() as policy,
    ):
        tools = await mesh.contracts()
        with TrajectoryWriter(folder) as writer:

            async def keep_running() -> None:
                nonlocal done
                for number in numbers:
                    sample = await asyncio.to_thread(chart_sample, number)
                    trajectory = await run_episode(
                        sample, policy, mesh, Limits(), dialect=DIALECT, tools=tools
                    )
                    assert trajectory.stop is StopReason.ANSWERED, trajectory.stop_detail
                    await asyncio.to_thread(writer.add, trajectory)
                    done += 1
                    if done % STEP == 0:
                        gc.collect()
                        resident_mb[done] = psutil.Process().memory_info().rss / 1e6

            async with asyncio.TaskGroup() as group:
                for _ in range(IMAGES_IN_FLIGHT):
                    group.create_task(keep_running())
