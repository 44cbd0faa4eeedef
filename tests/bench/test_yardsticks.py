from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bench.arena import IN_PROCESS_OPENCV, MESH, Entrant
from bench.chart import HEIGHT, WIDTH, chart_png
from bench.processes import serve_yardstick
from bench.workload import Contender, crop_step, episode_steps, line_step
from bench.yardsticks.grpc_echo import open_echo
from thinkimg_rpc.imaging.codec import Pixels, decode

EPISODE = 5


async def every_result(contender: Contender) -> list[bytes]:
    """What single calls on the chart, and each step of an episode, return."""
    chart = await contender.open(chart_png())
    results = [await contender.run(step(EPISODE), chart) for step in (crop_step, line_step)]
    picture = chart
    for step in episode_steps(EPISODE):
        picture = await contender.run(step, picture)
        results.append(picture)
    return [result.data for result in results]


def pixels(data: bytes) -> Pixels:
    return decode(data, max_pixels=WIDTH * HEIGHT)


async def test_every_yardstick_returns_the_very_pixels_that_the_mesh_returns(
    entrants: Mapping[str, Entrant],
) -> None:
    expected = await every_result(entrants[MESH].contender)
    assert len(set(expected)) == len(expected) - 1  # an episode begins with the same crop
    for name, entrant in entrants.items():
        results = await every_result(entrant.contender)
        if name == IN_PROCESS_OPENCV:
            assert all(
                np.array_equal(pixels(mine), pixels(theirs))
                for mine, theirs in zip(results, expected, strict=True)
            )
        else:
            assert results == expected, name


async def test_the_bare_echo_returns_what_it_gets() -> None:
    async with (
        serve_yardstick("bench.yardsticks.grpc_echo") as served,
        open_echo(served.address) as echo,
    ):
        payload = bytes(range(256)) * 1200
        assert await echo(payload, timeout=10) == payload
