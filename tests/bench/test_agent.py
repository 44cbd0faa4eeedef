"""The agent's part of the benchmark does what it says it measures."""

from __future__ import annotations

import time

from bench.agent import DIALECT, SHOWN_PIXELS, chart_sample, open_chat
from bench.stall import StallWatch
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.trajectory import StopReason
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.tool import Tool
from thinkimg_workers.crop import Crop
from thinkimg_workers.draw_horizontal_line_by_y import DrawHorizontalLineByY


async def test_its_episodes_with_images_make_three_calls_and_end_with_an_answer() -> None:
    tools: list[type[Tool]] = [Crop, DrawHorizontalLineByY]  # type: ignore[type-arg]
    async with Mesh.local(tools) as mesh, open_chat() as policy:
        trajectory = await run_episode(
            chart_sample(3),
            policy,
            mesh,
            Limits(),
            dialect=DIALECT,
            tools=await mesh.contracts(),
        )
    assert trajectory.stop is StopReason.ANSWERED
    assert [call.error for turn in trajectory.turns for call in turn.calls] == [""] * 3
    assert [(image.width, image.height) for image in trajectory.images] == [
        (1280, 960),
        (640, 480),
        (1280, 960),
        (960, 720),
    ]
    shown = [image.shown_width * image.shown_height for image in trajectory.images]
    assert max(shown) == SHOWN_PIXELS


async def test_a_loop_that_is_held_up_is_seen() -> None:
    async with StallWatch() as watch:
        begin = time.perf_counter()
        while time.perf_counter() < begin + 0.05:
            pass
    assert watch.longest_s >= 0.045
