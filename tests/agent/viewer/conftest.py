"""A run with an episode of each kind, recorded over a real mesh."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_agent.dialects import OpenThinkImgDialect
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.policies import ScriptedPolicy
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory_file import TrajectoryWriter
from thinkimg_rpc.client import Mesh
from thinkimg_workers.crop import Crop
from thinkimg_workers.draw_horizontal_line_by_y import DrawHorizontalLineByY

from ...mesh_fixtures import png

DIALECT = OpenThinkImgDialect(CoordinateSpace.THOUSANDTHS)
CROP = WrittenCall("Crop", {"box": {"x0": 100, "y0": 250, "x1": 500, "y1": 750}})
WRONG_CROP = WrittenCall("Crop", {"box": {"x0": 100, "y0": 250, "x1": 5000, "y1": 750}})
LINE = WrittenCall("DrawHorizontalLineByY", {"image": "img_1", "y": 500})
QUESTION = "Is <b>red</b> & blue </script> larger?"


def _turn(*calls: WrittenCall, answer: str | None = None) -> str:
    return DIALECT.write(Reply("I look closer.", calls, answer))


EPISODES = [
    ("right", "42", [_turn(CROP, LINE), _turn(answer="42")]),
    ("wrong", "43", [_turn(WRONG_CROP), "what?", _turn(LINE), _turn(answer="42")]),
    ("aborted", "44", [_turn(CROP)]),
    ("unanswered", "45", ["?"] * 3),
]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")

    async def record() -> None:
        async with Mesh.local([Crop, DrawHorizontalLineByY]) as mesh:
            tools = await mesh.contracts()
            with TrajectoryWriter(folder) as writer:
                for name, truth, script in EPISODES:
                    sample = Sample(name, QUESTION, (png(400, 300),), truth)
                    policy = ScriptedPolicy(script)
                    writer.add(
                        await run_episode(
                            sample, policy, mesh, Limits(), dialect=DIALECT, tools=tools
                        )
                    )

    asyncio.run(record())
    return folder
