from __future__ import annotations

import asyncio

import pytest

from bench.chart import HEIGHT, WIDTH
from bench.workload import (
    EPISODES,
    Picture,
    Step,
    crop_step,
    episode_steps,
    line_step,
    run_rollouts,
)
from thinkimg_rpc.v1 import CropRequest, Image

FAR = (0, 1, 7, 63, 1000, 123_457)


class Recorder:
    """Answers every call at once, and remembers it."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.sources: dict[str, str] = {}
        self.at_once = self.most_at_once = 0

    async def open(self, data: bytes) -> Picture:
        return Picture(data, "chart")

    async def run(self, step: Step, picture: Picture) -> Picture:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        self.steps.append(step)
        name = f"result {len(self.steps)}"
        self.sources[name] = picture.name
        return Picture(b"", name)


def area(step: Step) -> float:
    box = step.arguments["box"]
    return float((box["x1"] - box["x0"]) * (box["y1"] - box["y0"]))


@pytest.mark.parametrize("index", FAR)
def test_an_episode_crops_a_quarter_draws_crops_that_and_draws(index: int) -> None:
    crop, line, second_crop, second_line = episode_steps(index)
    assert [step.tool for step in episode_steps(index)] == [
        "Crop",
        "DrawHorizontalLineByY",
        "Crop",
        "DrawVerticalLineByX",
    ]
    assert area(crop) == WIDTH * HEIGHT / 4
    assert area(second_crop) == area(crop) / 4
    assert line.arguments["y"] < HEIGHT / 2
    assert second_line.arguments["x"] < WIDTH / 4


@pytest.mark.parametrize("index", FAR)
def test_every_step_stays_inside_the_image_it_works_on(index: int) -> None:
    for step, width, height in (
        (crop_step(index), WIDTH, HEIGHT),
        (episode_steps(index)[2], WIDTH // 2, HEIGHT // 2),
    ):
        box = step.arguments["box"]
        assert 0 <= box["x0"] < box["x1"] <= width
        assert 0 <= box["y0"] < box["y1"] <= height
    assert 0 <= line_step(index).arguments["y"] < HEIGHT


async def test_eight_episodes_run_at_once_each_on_its_own_results() -> None:
    recorder = Recorder()
    await run_rollouts(recorder, await recorder.open(b""), 3)
    assert recorder.most_at_once == EPISODES == 8
    assert len(recorder.steps) == 4 * EPISODES
    sources = list(recorder.sources.values())
    assert sources.count("chart") == EPISODES
    assert len(set(sources) - {"chart"}) == 3 * EPISODES


async def test_no_call_of_one_batch_or_the_next_is_made_twice_on_the_chart() -> None:
    recorder = Recorder()
    for batch in range(4):
        await run_rollouts(recorder, await recorder.open(b""), batch)
    boxes = [str(step.arguments) for step in recorder.steps if "box" in step.arguments]
    assert len(boxes) == len(set(boxes)) == 2 * 4 * EPISODES


def test_a_step_becomes_the_request_of_its_tool() -> None:
    request = crop_step(0).request(Image(digest="d"))
    assert isinstance(request, CropRequest)
    assert (request.image.digest, request.box.x0, request.box.x1) == ("d", 0, WIDTH / 2)
