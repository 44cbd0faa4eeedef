"""Episodes recorded over a real mesh, for trainers to learn from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_agent.dialects import DIALECTS, Dialect
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.policies import Generation, ScriptedPolicy
from thinkimg_agent.policies.policy import Policy
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import Trajectory
from thinkimg_agent.trajectory_file import TrajectoryWriter
from thinkimg_rpc.client import Mesh
from thinkimg_workers.crop import Crop

from ..mesh_fixtures import png

QUESTION = "Which bar is higher?"
CROP = {"image": "img_1", "box": {"x0": 100, "y0": 250, "x1": 500, "y1": 750}}
WRONG = {"image": "img_1", "box": {"x0": 100, "y0": 250, "x1": 5000, "y1": 750}}
THOUGHTS = ("I look closer.", "Once more, inside it.")
ANSWER = "the red one"


def dialect_named(name: str) -> Dialect:
    return DIALECTS[name](CoordinateSpace.THOUSANDTHS)


def three_turns(dialect: Dialect, thoughts: Sequence[str] = THOUGHTS) -> list[str | Generation]:
    """A crop, a crop that fails, and the answer."""
    if dialect.name == "native":
        calls = [
            Generation(thought, (WrittenCall("Crop", box, id=f"call_{n}"),))
            for n, (thought, box) in enumerate(zip(thoughts, (CROP, WRONG), strict=True))
        ]
        return [*calls, dialect.write(Reply("Done.", answer=ANSWER))]
    written = [
        dialect.write(Reply(thought, (WrittenCall("Crop", box),)))
        for thought, box in zip(thoughts, (CROP, WRONG), strict=True)
    ]
    return [*written, dialect.write(Reply("Done.", answer=ANSWER))]


def record(
    run: Path,
    samples: Sequence[tuple[Sample, list[str | Generation]]],
    dialect: Dialect,
    policy: Callable[[list[str | Generation]], Policy] = ScriptedPolicy,
) -> list[Trajectory]:
    """Episodes in which a policy says what the scripts say, in the folder of a run."""

    async def all_of_them() -> list[Trajectory]:
        async with Mesh.local([Crop]) as mesh:
            tools = await mesh.contracts()
            return [
                await run_episode(
                    sample, policy(script), mesh, Limits(), dialect=dialect, tools=tools
                )
                for sample, script in samples
            ]

    episodes = asyncio.run(all_of_them())
    with TrajectoryWriter(run) as writer:
        for episode in episodes:
            writer.add(episode)
    return episodes


def record_three_turns(run: Path, dialect: Dialect, count: int = 1) -> list[Trajectory]:
    """Episodes of three turns with two images, one of which a tool made; all different."""
    samples = [
        (
            Sample(f"s{n}", QUESTION, (png(40 + 8 * (n % 3), 48),), ANSWER),
            three_turns(dialect, (f"{THOUGHTS[0]}{' Hm.' * n}", THOUGHTS[1])),
        )
        for n in range(count)
    ]
    return record(run, samples, dialect)
