"""What is measured: single calls on the chart, and the rollout of a GRPO step."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from google.protobuf.message import Message

from bench.chart import HEIGHT, WIDTH
from thinkimg_rpc.v1 import (
    CropRequest,
    DrawHorizontalLineByYRequest,
    DrawVerticalLineByXRequest,
    Image,
)

EPISODES = 8
_REQUESTS: dict[str, type[Message]] = {
    "Crop": CropRequest,
    "DrawHorizontalLineByY": DrawHorizontalLineByYRequest,
    "DrawVerticalLineByX": DrawVerticalLineByXRequest,
}


@dataclass(frozen=True)
class Step:
    """One call of a tool, whoever makes it."""

    tool: str
    arguments: Mapping[str, Any]
    """As the tool's JSON has them, without the image."""

    def request(self, image: Image) -> Any:
        """The step as the request of the tool's contract."""
        return build_request(self.tool, self.arguments, image)


@dataclass(frozen=True)
class Picture:
    """An encoded image, and what a contender names it by in its next call."""

    data: bytes
    name: str


class Contender(Protocol):
    """One way of calling the tools."""

    async def open(self, data: bytes) -> Picture:
        """Take an encoded image, to be used in calls."""
        ...

    async def run(self, step: Step, picture: Picture) -> Picture:
        """Call a tool; its result image, encoded."""
        ...


def build_request(tool: str, arguments: Mapping[str, Any], image: Image) -> Any:
    """The typed request for a tool's JSON arguments, in which coordinates are numbers."""
    return _REQUESTS[tool](image=image, **arguments)


def crop_step(index: int) -> Step:
    """Cut a quarter out of the chart; another one for each index."""
    return _crop(WIDTH, HEIGHT, index)


def line_step(index: int) -> Step:
    """Draw a line across the whole chart; another one for each index."""
    return _horizontal(HEIGHT, index)


def episode_steps(index: int) -> tuple[Step, ...]:
    """Crop (a quarter), line, Crop (a quarter) of that result, line. No two episodes alike."""
    return (
        _crop(WIDTH, HEIGHT, index),
        _horizontal(HEIGHT // 2, index),
        _crop(WIDTH // 2, HEIGHT // 2, index),
        Step("DrawVerticalLineByX", {"x": float(index * 7 % (WIDTH // 4))}),
    )


async def run_episode(contender: Contender, chart: Picture, index: int) -> Picture:
    """Each step works on the result of the one before."""
    picture = chart
    for step in episode_steps(index):
        picture = await contender.run(step, picture)
    return picture


async def run_rollouts(contender: Contender, chart: Picture, batch: int) -> None:
    """`EPISODES` episodes at once; each batch has other coordinates than the last."""
    first = batch * EPISODES
    await asyncio.gather(
        *(run_episode(contender, chart, first + number) for number in range(EPISODES))
    )


def _crop(width: int, height: int, index: int) -> Step:
    x0, y0 = index * 13 % (width // 2), index * 29 % (height // 2)
    box = {"x0": x0, "y0": y0, "x1": x0 + width // 2, "y1": y0 + height // 2}
    return Step("Crop", {"box": {edge: float(value) for edge, value in box.items()}})


def _horizontal(height: int, index: int) -> Step:
    return Step("DrawHorizontalLineByY", {"y": float(index * 11 % height)})
