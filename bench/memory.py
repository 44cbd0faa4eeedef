"""What the processes of a mesh hold in memory."""

from __future__ import annotations

import asyncio

import psutil

from bench.chart import draw_chart
from bench.processes import image_worker, serve_mesh
from bench.report import Goal, Section
from thinkimg_rpc.channel import open_channel
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_rpc.settings import MIB, LimitSettings
from thinkimg_rpc.v1 import DrawHorizontalLineByYRequest, DrawHorizontalLineByYServiceStub, Image

CACHE_BYTES = 32 * MIB
CHARTS = 48
"""Each is 3.5 MiB decoded, and so is what is drawn on it: the cache is filled ten times over."""
IN_FLIGHT = 8


async def measure_memory() -> Section:
    """Resident memory of the hub and of a worker, before and after work."""
    charts = [_chart(number) for number in range(CHARTS)]
    async with serve_mesh(image_worker(CACHE_BYTES)) as served, Mesh(served.address) as mesh:
        worker_pid = served.worker_pids["image-0"]
        hub_mb, worker_mb = _resident_mb(served.hub_pid), _resident_mb(worker_pid)
        await _draw_on_each(mesh, charts)
        full_mb = _resident_mb(worker_pid)
        await _through_front_door(served.address, charts)
        used_hub_mb = _resident_mb(served.hub_pid)
    section = Section("Resident memory", ("", "MB"))
    for name, seen, limit in (
        ("registry and front door, idle", hub_mb, 64),
        (f"registry and front door, after {CHARTS} charts went through", used_hub_mb, 64),
        ("worker with Crop and both line tools, idle", worker_mb, 80),
        (f"the same, its image cache of {CACHE_BYTES // MIB} MiB full", full_mb, 140),
    ):
        section.rows.append((name, f"{seen:.0f}"))
        section.goals.append(Goal(f"{name}: under {limit} MB", f"{seen:.0f} MB", seen < limit))
    section.notes.append(
        f"Filled by DrawHorizontalLineByY on {CHARTS} different charts, {IN_FLIGHT} at a time."
    )
    return section


async def _draw_on_each(mesh: Mesh, charts: list[bytes]) -> None:
    free = asyncio.Semaphore(IN_FLIGHT)

    async def draw(data: bytes) -> None:
        async with free:
            await mesh.draw_horizontal_line_by_y(
                DrawHorizontalLineByYRequest(image=mesh.image(data), y=10)
            )

    await asyncio.gather(*(draw(data) for data in charts))


async def _through_front_door(address: str, charts: list[bytes]) -> None:
    async with open_channel(address, max_message_bytes=LimitSettings().max_message_bytes) as door:
        draw = DrawHorizontalLineByYServiceStub(door).DrawHorizontalLineByY
        for data in charts:
            await draw(DrawHorizontalLineByYRequest(image=Image(data=data), y=20), timeout=60)


def _chart(number: int) -> bytes:
    pixels = draw_chart()
    pixels[number] = 0
    return encode_png(pixels)


def _resident_mb(pid: int) -> float:
    return psutil.Process(pid).memory_info().rss / 1e6
