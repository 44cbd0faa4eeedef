"""The planner in whole episodes: over a real mesh, without tools, and from its turns alone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import pytest_asyncio

from thinkimg_agent.conversation import Message, numbered
from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_agent.dialects import DIALECTS, Dialect, HermesDialect, NativeDialect
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.images import EpisodeImages
from thinkimg_agent.policies.choice import PolicyOptions, open_policy
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_eval.synthcharts.planner import next_turn
from thinkimg_eval.synthcharts.subjects import SUBJECTS
from thinkimg_eval.synthcharts.task import score, synthcharts
from thinkimg_eval.task import Task
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_workers.crop import Crop
from thinkimg_workers.draw_horizontal_line_by_y import DrawHorizontalLineByY
from thinkimg_workers.draw_vertical_line_by_x import DrawVerticalLineByX
from thinkimg_workers.grounding_dino import GroundingDINO
from thinkimg_workers.ocr import OCR
from thinkimg_workers.zoomin_subplot import ZoominSubplot

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOOLS = (OCR, GroundingDINO, ZoominSubplot, Crop, DrawHorizontalLineByY, DrawVerticalLineByX)
THOUSANDTHS = CoordinateSpace.THOUSANDTHS


@cache
def task() -> Task:
    return synthcharts(split="dev")


def first(family: str, kind: str) -> Sample:
    """The first question of a family about a kind of chart."""
    samples = (task().samples[number] for number in range(len(task().samples)))
    return next(
        sample for sample in samples if (sample.category, sample.details["kind"]) == (family, kind)
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    async with Mesh.local(TOOLS) as mesh:
        yield mesh


async def answered(sample: Sample, mesh: Mesh, dialect: Dialect) -> Trajectory:
    async with open_policy("planner:", PolicyOptions(dialect)) as policy:
        return await run_episode(
            sample, policy, mesh, Limits(), dialect=dialect, tools=await mesh.contracts()
        )


def called(trajectory: Trajectory) -> list[list[str]]:
    return [[call.tool for call in turn.calls] for turn in trajectory.turns]


@pytest.mark.parametrize(
    ("family", "kind", "turns"),
    [
        ("labelled_value", "bar", [["OCR"], []]),
        ("unlabelled_value", "grouped_bar",
         [["OCR", "GroundingDINO"], ["DrawHorizontalLineByY"], []]),
        ("unlabelled_value", "line", [["OCR", "GroundingDINO"], ["Crop", "Crop"], []]),
        ("panel", "panels", [["ZoominSubplot"], ["OCR", "GroundingDINO"], []]),
    ],
)  # fmt: skip
async def test_questions_are_answered_with_the_tools_that_they_need(
    mesh: Mesh, family: str, kind: str, turns: list[list[str]]
) -> None:
    sample = first(family, kind)
    trajectory = await answered(sample, mesh, NativeDialect(THOUSANDTHS))
    assert trajectory.stop is StopReason.ANSWERED
    assert score(trajectory.answer or "", sample) == 1
    assert called(trajectory) == turns
    assert not any(call.error for turn in trajectory.turns for call in turn.calls)
    assert all(turn.thought for turn in trajectory.turns)


@pytest.mark.parametrize(
    ("family", "kind", "boxes"),
    [
        ("labelled_value", "bar", 1),  # its name
        ("labelled_value", "stacked_bar", 2),  # its name and its bar
        ("extreme", "grouped_bar", 1),  # a bar
        ("yes_no", "bar", 2),
        ("color_to_series", "line", 1),  # a legend's entry
    ],
)
async def test_a_thought_says_where_it_was_seen_as_the_tools_have_written_it(
    mesh: Mesh, family: str, kind: str, boxes: int
) -> None:
    trajectory = await answered(first(family, kind), mesh, HermesDialect(THOUSANDTHS))
    observations = "".join(call.observation for turn in trajectory.turns for call in turn.calls)
    told = [text for turn in trajectory.turns for text in re.findall(r"\[[^]]+\]", turn.thought)]
    assert len(told) >= boxes
    assert all(text in observations for text in told)


@pytest.mark.parametrize("dialect", [made(THOUSANDTHS) for made in DIALECTS.values()])
async def test_every_dialect_leads_to_the_same_answer(mesh: Mesh, dialect: Dialect) -> None:
    sample = first("labelled_value", "bar")
    assert (await answered(sample, mesh, dialect)).answer == sample.truth


@pytest.mark.parametrize("space", CoordinateSpace)
async def test_every_way_to_count_leads_to_the_value(mesh: Mesh, space: CoordinateSpace) -> None:
    sample = first("unlabelled_value", "grouped_bar")
    trajectory = await answered(sample, mesh, HermesDialect(space))
    assert score(trajectory.answer or "", sample) == 1


async def test_a_question_that_is_none_of_synthcharts_is_answered_from_the_text(
    mesh: Mesh,
) -> None:
    sample = replace(first("labelled_value", "bar"), question="What is the title of the chart?")
    trajectory = await answered(sample, mesh, NativeDialect(THOUSANDTHS))
    assert called(trajectory) == [["OCR"], []]
    assert trajectory.answer in {title for subject in SUBJECTS for title in subject.titles}


async def turn_without_tools(question: str, picture: bytes) -> str:
    images = EpisodeImages(112 * 112)
    image = replace(await images.add(picture), data=b"what only the tools may see")
    conversation = [Message("system", ("",)), Message("user", (*numbered(image), question))]
    reply = next_turn(conversation, [], NativeDialect())
    assert not reply.calls
    assert reply.answer is not None
    return reply.answer


async def test_without_tools_something_is_said_to_every_question() -> None:
    for number in range(60):
        sample = task().samples[number]
        assert await turn_without_tools(sample.question, sample.images[0])


def plain(height: int, width: int) -> bytes:
    return encode_png(np.full((height, width, 3), 255, np.uint8))


@pytest.mark.parametrize("picture", [plain(1, 1), plain(400, 600), plain(3, 900)])
async def test_pictures_without_anything_in_them_are_no_problem(picture: bytes) -> None:
    questions = ["", "什么?", "How many points does Wind have?", "Which panel is a pie chart?"]
    for question in [*questions, *(task().samples[number].question for number in range(12))]:
        assert await turn_without_tools(question, picture)


async def test_two_episodes_at_once_do_not_know_of_each_other(mesh: Mesh) -> None:
    dialect = NativeDialect(THOUSANDTHS)
    samples = [first("labelled_value", "bar"), first("unlabelled_value", "grouped_bar")]
    conversations = [await opening(sample) for sample in samples]
    offered = [tool.name for tool in await mesh.contracts()]
    alone = [next_turn(each, offered, dialect) for each in conversations]
    again = [next_turn(each, offered, dialect) for each in reversed(conversations)]
    assert alone == again[::-1]


async def opening(sample: Sample) -> Sequence[Message]:
    image = await EpisodeImages(112 * 112).add(sample.images[0])
    return [Message("user", (*numbered(image), sample.question))]
