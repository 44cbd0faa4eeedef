"""A thousand episodes with images: what the client's process holds in memory on the way."""

from __future__ import annotations

import asyncio
import ctypes
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bench.agent import DIALECT, IMAGES_IN_FLIGHT, chart_sample, open_chat
from bench.processes import image_worker, serve_mesh
from bench.report import Goal, Section
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.images import keep_shown
from thinkimg_agent.trajectory import StopReason
from thinkimg_agent.trajectory_file import TrajectoryWriter
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.settings import MIB

EPISODES = 1000
SETTLED = 200
STEP, SAMPLE_EVERY = 100, 5
CLIENT_IMAGE_BYTES = SHOWN_BYTES = 8 * MIB
"""So little that what is kept of images is full long before `SETTLED`."""
GOAL_GROWTH = 0.05


async def measure_soak() -> Section:
    """Resident memory, over each hundred episodes."""
    keep_shown(SHOWN_BYTES)
    with TemporaryDirectory(prefix="thinkimg-soak-") as folder:
        samples_mb = await _soak(Path(folder))
    settled_mb = {
        done: statistics.median(samples_mb[(done - STEP) // SAMPLE_EVERY : done // SAMPLE_EVERY])
        for done in range(STEP, EPISODES + 1, STEP)
    }
    section = Section(f"{EPISODES} episodes with images", ("episodes done", "client MB"))
    section.rows += [(str(done), f"{mb:.0f}") for done, mb in settled_mb.items()]
    growth = settled_mb[EPISODES] / settled_mb[SETTLED] - 1
    section.goals.append(
        Goal(
            f"from episode {SETTLED} to {EPISODES}, memory grows by less than {GOAL_GROWTH:.0%}",
            f"{growth:+.1%}",
            growth < GOAL_GROWTH,
        )
    )
    section.notes += [
        f"The median of each hundred episodes. {IMAGES_IN_FLIGHT} in flight, three calls and four "
        "images each, each on a chart of its own, with `openai:` behind HTTP, and written to disk. "
        f"What is kept of images, by the client and for policies, is bounded at "
        f"{CLIENT_IMAGE_BYTES // MIB} MiB each here, so that it is full before the second figure.",
        f"At the end, with all episodes gone and the allocator told to give back what it holds: "
        f"{_trimmed_mb():.0f} MB.",
    ]
    return section


async def _soak(folder: Path) -> list[float]:
    """Resident memory in MB after every fifth episode."""
    numbers = iter(range(EPISODES))
    done = 0
    samples_mb: list[float] = []
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
                    if done % SAMPLE_EVERY == 0:
                        samples_mb.append(_resident_mb())

            async with asyncio.TaskGroup() as group:
                for _ in range(IMAGES_IN_FLIGHT):
                    group.create_task(keep_running())
    return samples_mb


def _resident_mb() -> float:
    return float(psutil.Process().memory_info().rss / 1e6)


def _trimmed_mb() -> float:
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return _resident_mb()
