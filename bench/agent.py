"""What the agent loop adds to the calls of its episodes, and how long it holds the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.chart import HEIGHT, WIDTH, draw_chart
from bench.processes import ECHO_TOOLS, image_worker, serve_mesh, serve_yardstick
from bench.report import Goal, Section, ms, times
from bench.stall import StallWatch
from thinkimg_agent.dialects import HermesDialect
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.policies import Policy, ScriptedPolicy
from thinkimg_agent.policies.openai_endpoint import OpenAIPolicy
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import StopReason
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_rpc.serve.config import WorkerSection
from thinkimg_rpc.testing.v1 import EchoRequest
from thinkimg_rpc.v1 import Box, CropRequest, DrawHorizontalLineByYRequest, Image

CALL_S = 0.3
EPISODES = 64
CALLS = 3
IMAGE_EPISODES = 64
IMAGES_IN_FLIGHT = 32
ROUNDS = 3
SHOWN_PIXELS = 640 * 480
GOAL_TURN_S, GOAL_EPISODES_S, GOAL_STALL_S = 0.4, 1.3, 0.05

DIALECT = HermesDialect()
ANSWER = DIALECT.write(Reply("It is there.", answer="coal"))
_BOX = {"x0": 40, "y0": 40, "x1": 360, "y1": 280}
IMAGE_TURNS = [
    DIALECT.write(Reply("", (WrittenCall("Crop", {"image": "img_1", "box": _BOX}),))),
    DIALECT.write(Reply("", (WrittenCall("DrawHorizontalLineByY", {"image": "img_1", "y": 99}),))),
    DIALECT.write(Reply("", (WrittenCall("Crop", {"image": "img_3", "box": _BOX, "scale": 1.5}),))),
    ANSWER,
]


@dataclass(frozen=True)
class Seen:
    """The least of the rounds, in each: wall time, longest stall, and that in processor time."""

    wall_s: float
    stall_s: float
    stall_cpu_s: float


async def measure_agent() -> Section:
    """One row for each workload, beside the same calls made without an agent."""
    section = Section(
        "The agent loop",
        ("", "wall ms", "the same calls without it", "ratio", "longest stall ms", "of it CPU ms"),
    )
    echo = WorkerSection(name="echo", tools=ECHO_TOOLS, concurrency=EPISODES)
    async with (
        serve_mesh(echo, image_worker()) as served,
        Mesh(served.address) as mesh,
        open_chat() as policy,
    ):
        tools = await mesh.contracts()
        await _one_turn(section, mesh, tools)
        await _many_episodes(section, mesh, tools)
        await _with_images(section, mesh, tools, policy)
    section.notes += [
        f"Each the least of {ROUNDS} rounds. A round's longest stall: how late the event loop came "
        "back, at most, to a task that wanted it every millisecond. On a busy machine that holds "
        "other programs' time too; the CPU ms are the loop's thread alone.",
        "The policy takes no time; in the last row it is `openai:` at a server that takes none, "
        f"and {IMAGES_IN_FLIGHT} episodes run at once, each on a {WIDTH}×{HEIGHT} chart of its "
        f"own: Crop, line, Crop, each image reduced to {SHOWN_PIXELS:,} pixels and sent in base64 "
        "with every turn that follows.",
    ]
    return section


@asynccontextmanager
async def open_chat() -> AsyncIterator[Policy]:
    """`openai:`, at a server that says `IMAGE_TURNS`."""
    async with (
        serve_yardstick("bench.yardsticks.chat_server", *IMAGE_TURNS) as chat,
        OpenAIPolicy(
            "scripted", base_url=f"http://{chat.address}/v1", max_image_pixels=SHOWN_PIXELS
        ) as policy,
    ):
        yield policy


async def _one_turn(section: Section, mesh: Mesh, tools: Sequence[ToolContract]) -> None:
    echo = WrittenCall("Echo", {"delay_s": CALL_S})
    policy = ScriptedPolicy([DIALECT.write(Reply("", (echo, echo))), ANSWER])

    async def in_turn() -> None:
        for _ in range(2):
            await mesh.send(EchoRequest(delay_s=CALL_S))

    seen = await _best(lambda: _run([_blank()], policy, mesh, tools))
    alone = await _best(in_turn)
    _add(
        section, f"two calls of {CALL_S:g} s in one turn; without: one after the other", seen, alone
    )
    section.goals.append(
        Goal(
            f"two calls of {CALL_S:g} s in one turn: under {GOAL_TURN_S:g} s",
            f"{seen.wall_s:.3f} s",
            seen.wall_s < GOAL_TURN_S,
        )
    )


async def _many_episodes(section: Section, mesh: Mesh, tools: Sequence[ToolContract]) -> None:
    echo = DIALECT.write(Reply("", (WrittenCall("Echo", {"delay_s": CALL_S}),)))
    policy = ScriptedPolicy([echo] * CALLS + [ANSWER])

    async def calls() -> None:
        for _ in range(CALLS):
            await mesh.send(EchoRequest(delay_s=CALL_S))

    async def without() -> None:
        await asyncio.gather(*(calls() for _ in range(EPISODES)))

    seen = await _best(lambda: _run([_blank()] * EPISODES, policy, mesh, tools))
    alone = await _best(without)
    what = f"{EPISODES} episodes at once, {CALLS} calls of {CALL_S:g} s each"
    _add(section, what, seen, alone)
    section.goals += [
        Goal(
            f"{what}: under {GOAL_EPISODES_S:g} s",
            f"{seen.wall_s:.3f} s",
            seen.wall_s < GOAL_EPISODES_S,
        ),
        _stall_goal(what, seen),
    ]


async def _with_images(
    section: Section, mesh: Mesh, tools: Sequence[ToolContract], policy: Policy
) -> None:
    samples = [chart_sample(number) for number in range(IMAGE_EPISODES)]

    async def calls(data: bytes) -> None:
        """What the turns ask for, in pixels of the images themselves."""
        image = mesh.image(data)
        box = Box(x0=80, y0=80, x1=720, y1=560)
        await mesh.send(CropRequest(image=image, box=box))
        drawn = await mesh.send(DrawHorizontalLineByYRequest(image=image, y=198))
        await mesh.send(CropRequest(image=Image(digest=drawn.image.digest), box=box, scale=1.5))

    async def without() -> None:
        free = asyncio.Semaphore(IMAGES_IN_FLIGHT)

        async def one(data: bytes) -> None:
            async with free:
                await calls(data)

        await asyncio.gather(*(one(sample.images[0]) for sample in samples))

    seen = await _best(lambda: _run(samples, policy, mesh, tools, IMAGES_IN_FLIGHT))
    alone = await _best(without)
    what = f"{IMAGE_EPISODES} episodes with images, the policy behind HTTP"
    _add(section, what, seen, alone)
    section.goals.append(_stall_goal(what, seen))


async def _run(
    samples: Sequence[Sample],
    policy: Policy,
    mesh: Mesh,
    tools: Sequence[ToolContract],
    in_flight: int = EPISODES,
) -> None:
    free = asyncio.Semaphore(in_flight)

    async def one(sample: Sample) -> None:
        async with free:
            trajectory = await run_episode(
                sample, policy, mesh, Limits(), dialect=DIALECT, tools=tools
            )
        assert trajectory.stop is StopReason.ANSWERED, trajectory.stop_detail

    await asyncio.gather(*map(one, samples))


async def _best(work: Callable[[], Awaitable[None]]) -> Seen:
    rounds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        async with StallWatch() as watch:
            await work()
        rounds.append((time.perf_counter() - begin, watch.longest_s, watch.cpu_s))
    return Seen(*map(min, zip(*rounds, strict=True)))


def _add(section: Section, what: str, seen: Seen, alone: Seen) -> None:
    section.rows.append(
        (
            what,
            ms(seen.wall_s),
            ms(alone.wall_s),
            times(seen.wall_s / alone.wall_s),
            ms(seen.stall_s),
            ms(seen.stall_cpu_s),
        )
    )


def _stall_goal(what: str, seen: Seen) -> Goal:
    return Goal(
        f"{what}: the event loop held for under {ms(GOAL_STALL_S)} ms at a time",
        f"{ms(seen.stall_s)} ms",
        seen.stall_s < GOAL_STALL_S,
    )


def _blank() -> Sample:
    return Sample("blank", "What is it?", ())


def chart_sample(number: int) -> Sample:
    pixels = draw_chart()
    pixels[number % HEIGHT] = number // HEIGHT
    return Sample(str(number), "Which source is largest?", (encode_png(pixels),))
