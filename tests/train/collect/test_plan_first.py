"""A model as a teacher: plan, calls, rationale, filter; against a scripted endpoint."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from thinkimg_agent.checking import problems
from thinkimg_agent.dialects import DIALECTS, HermesDialect
from thinkimg_agent.episode import Limits
from thinkimg_agent.policies.openai_endpoint import OpenAIPolicy
from thinkimg_agent.reply import Unparseable
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_agent.trajectory_file import read_trajectories
from thinkimg_eval.run.config import MeshSection, PolicyConfig, RetrySection, TaskConfig
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_train.collect.card import DataCard
from thinkimg_train.collect.checks import reasons_against
from thinkimg_train.collect.collecting import collect
from thinkimg_train.collect.config import ChecksSection, CollectConfig
from thinkimg_train.collect.plan_first import (
    BrokenPlan,
    complete_calls,
    plan_actions,
    with_rationale,
    write_rationale,
)
from thinkimg_train.collect.plan_first.attempt import STAGES
from thinkimg_train.collect.plan_first.planning import Plan, Step, read_plan
from thinkimg_train.collect.plan_first.rationale import Rationale, read_rationale
from thinkimg_workers.crop import Crop

from ...agent.policies.test_openai_endpoint import Server, plainly, serving, turn

TASK = Path(__file__).parents[2] / "eval" / "run" / "tiny_task.py"
SAMPLE = Sample("s1", "How many?", (encode_png(np.zeros((60, 80, 3), np.uint8)),), truth="3")
BOX = {"x0": 0, "y0": 0, "x1": 40, "y1": 30}
PLAN = json.dumps(
    {
        "actions": [
            {"name": "Crop", "arguments": {"image": "img_1", "box": BOX}},
            {"name": "Crop", "arguments": {"image": "$1.image", "box": {**BOX, "x1": 20}}},
        ]
    }
)
RATIONALE = json.dumps(
    {"thoughts": ["I look closer.", "Closer still."], "conclusion": "I see them.", "answer": 3}
)


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    async with Mesh.local([Crop]) as mesh:
        yield mesh


def teacher(server: Server) -> OpenAIPolicy:
    return OpenAIPolicy("m", base_url=server.url, max_retries=0)


async def completed(mesh: Mesh, plan: Plan, dialect: str = "hermes") -> Trajectory:
    return await complete_calls(
        SAMPLE,
        plan,
        mesh,
        await mesh.contracts(),
        DIALECTS[dialect](),
        Limits(),
        name="openai:m",
        max_image_pixels=1 << 20,
    )


async def test_stage_1_asks_for_a_plan_and_reads_its_steps(mesh: Mesh) -> None:
    async with serving(plainly(turn(f"```json\n{PLAN}\n```"))) as server:
        tools = await mesh.contracts()
        async with teacher(server) as policy:
            text = await plan_actions(SAMPLE, tools, policy, HermesDialect().space)
    asked = server.asked[0]["messages"]
    assert "Crop" in asked[0]["content"]
    assert asked[1]["content"][1]["type"] == "image_url"
    assert asked[1]["content"][2]["text"] == "How many?"
    assert "3" not in asked[1]["content"][2]["text"]
    first, second = read_plan(text).steps
    assert first == Step("Crop", {"image": "img_1", "box": BOX})
    assert second.arguments["image"] == "$1.image"


@pytest.mark.parametrize("text", ["Crop it.", "{}", '{"actions": []}', '{"actions": ["Crop"]}'])
def test_what_is_no_plan_is_told(text: str) -> None:
    with pytest.raises(Unparseable):
        read_plan(text)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_stage_2_makes_the_calls_with_the_real_tools(mesh: Mesh, dialect: str) -> None:
    trajectory = await completed(mesh, read_plan(PLAN), dialect)
    assert trajectory.stop is StopReason.ANSWERED
    assert [turn.thought for turn in trajectory.turns] == ["", "", ""]
    calls = [call for turn in trajectory.turns for call in turn.calls]
    assert [call.image for call in calls] == ["img_1", "img_2"]
    assert [(image.width, image.height) for image in trajectory.images] == [
        (80, 60),
        (40, 30),
        (20, 30),
    ]


async def test_stage_2_puts_boxes_in_where_a_step_refers_to_them(mesh: Mesh) -> None:
    plan = Plan(
        (
            Step("Crop", {"image": "img_1", "box": BOX}),
            Step("Crop", {"image": "img_1", "box": "$1.box", "scale": 2}),
            Step("Crop", {"image": "img_1", "box": {**BOX, "x1": "$1.box.x1", "y1": 7}}),
        )
    )
    trajectory = await completed(mesh, plan)
    asked = [call.arguments for turn in trajectory.turns for call in turn.calls]
    assert [one["box"]["x1"] for one in asked if isinstance(one, dict)] == [40, 40, 40]


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("$2.image", "refers to no action before it; there are 1"),
        ("$1.points.0", 'there is no "points"'),
        ("$1.box.4", 'there is no "4"'),
        ("$x", "refers to no action"),
    ],
)
async def test_stage_2_stops_at_a_reference_to_nothing(
    mesh: Mesh, reference: str, says: str
) -> None:
    steps = (Step("Crop", {"box": BOX}), Step("Crop", {"image": reference, "box": BOX}))
    with pytest.raises(BrokenPlan, match=says):
        await completed(mesh, Plan(steps))


async def test_stage_3_is_shown_what_came_back_and_asked_why(mesh: Mesh) -> None:
    trajectory = await completed(mesh, read_plan(PLAN))
    async with serving(plainly(turn(RATIONALE))) as server, teacher(server) as policy:
        text = await write_rationale(trajectory, policy)
    parts = server.asked[0]["messages"][1]["content"]
    assert sum(part["type"] == "image_url" for part in parts) == 3
    words = "\n".join(part.get("text", "") for part in parts)
    assert 'It gave: {"box": [0, 0, 40, 30], "image": "img_2"}' in words
    rationale = read_rationale(text, 2)
    assert rationale == Rationale(("I look closer.", "Closer still."), "I see them.", "3")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("So.", "not valid JSON"),
        ('{"answer": "3"}', '"thoughts", a list'),
        ('{"thoughts": ["a"], "answer": "3"}', "1 thoughts for 2 actions"),
        ('{"thoughts": ["a", "b"], "answer": true}', 'an "answer"'),
    ],
)
def test_what_is_no_rationale_is_told(text: str, says: str) -> None:
    with pytest.raises(Unparseable, match=says):
        read_rationale(text, 2)


@pytest.mark.parametrize("name", DIALECTS)
async def test_stage_3_gives_the_episode_its_thoughts_and_its_answer(mesh: Mesh, name: str) -> None:
    dialect = DIALECTS[name]()
    done = with_rationale(
        await completed(mesh, read_plan(PLAN), name), read_rationale(RATIONALE, 2), dialect
    )
    assert done.answer == "3"
    replies = [dialect.parse(turn.text) for turn in done.turns if name != "native"]
    assert [one.thought for one in replies] == [turn.thought for turn in done.turns][: len(replies)]
    assert [turn.thought for turn in done.turns] == [
        "I look closer.",
        "Closer still.",
        "I see them.",
    ]
    assert dialect.parse(done.turns[-1].text).answer == "3"


async def test_stage_4_keeps_a_lesson_and_names_what_is_none(mesh: Mesh) -> None:
    trajectory = await completed(mesh, read_plan(PLAN))
    trajectory.score = 1.0
    rationale = read_rationale(RATIONALE, 2)
    done = with_rationale(trajectory, rationale, HermesDialect())
    assert reasons_against(done, ChecksSection()) == []
    knowing = Rationale(("The answer is 3, I check.", "So."), "Yes.", "3")
    leaked = with_rationale(trajectory, knowing, HermesDialect())
    [reason] = reasons_against(leaked, ChecksSection())
    assert str(reason) == 'leaked_answer: turn 1 says "3"'


def plan_for_tiny(width: int = 4) -> str:
    box = {"x0": 0, "y0": 0, "x1": width, "y1": 3}
    return json.dumps({"actions": [{"name": "Crop", "arguments": {"image": "img_1", "box": box}}]})


def says_one(thought: str = "I look.") -> str:
    return json.dumps({"thoughts": [thought], "conclusion": "So it is.", "answer": "1"})


def config(address: str, server: Server, out: Path, **more: Any) -> CollectConfig:
    return CollectConfig(
        task=TaskConfig(name=f"{TASK}:tiny"),
        policy=PolicyConfig(name="openai:m", base_url=(server.url,)),
        out=out,
        concurrency=1,
        mesh=MeshSection(address=address),
        retry=RetrySection(times=0),
        **more,
    )


async def make(collection: CollectConfig) -> DataCard:
    return await collect(collection, Console(file=io.StringIO(), width=200))


async def test_the_stages_make_a_collection_and_what_is_rejected_is_tried_again(
    crop_mesh: str, tmp_path: Path
) -> None:
    script = [
        plan_for_tiny(),
        says_one(),  # tiny-0: wrong, and the budget of two is for another try
        "I will crop.",  # which is no plan
        plan_for_tiny(),
        says_one("The answer is 1: I look."),  # tiny-1: leaked
        plan_for_tiny(),
        says_one(),
    ]
    async with serving(*(plainly(turn(text)) for text in script)) as server:
        card = await make(config(crop_mesh, server, tmp_path, limit=2, tries=2))
    assert server.script == []
    [kept] = read_trajectories(tmp_path)
    assert (kept.sample_id, kept.answer, kept.score) == ("tiny-1", "1", 1.0)
    assert list(problems(kept, tmp_path)) == []
    rejected = [one.stop_detail for one in read_trajectories(tmp_path / "rejected")]
    assert rejected[0] == 'wrong_answer: "1", not "0"'
    assert rejected[1].startswith("unanswered: unparseable the plan is not valid JSON")
    assert rejected[2] == 'leaked_answer: turn 1 says "1"'
    assert (card.origin.method, card.attempts, card.accepted) == ("plan_first", 4, 1)
    temperatures = [asked.get("temperature") for asked in server.asked]
    assert temperatures == [0.0, 0.0, 0.7, 0.0, 0.0, 0.7, 0.7]


async def test_what_a_teacher_wrote_before_a_run_was_broken_off_is_not_asked_for_again(
    crop_mesh: str, tmp_path: Path
) -> None:
    broken = plainly({"error": {"message": "no"}}, status=401)
    async with serving(plainly(turn(plan_for_tiny())), broken) as server:
        collection = config(crop_mesh, server, tmp_path, limit=1, tries=1)
        card = await make(collection)
    assert (card.attempts, card.rejected) == (0, {})
    assert len((tmp_path / STAGES).read_text().splitlines()) == 1
    with (tmp_path / STAGES).open("a") as file:
        file.write('{"index": 0, "num')
    async with serving(plainly(turn(says_one()))) as server:
        card = await make(config(crop_mesh, server, tmp_path, limit=1, tries=1))
    assert len(server.asked) == 1
    assert card.rejected["wrong_answer"].tries == 1


async def test_several_of_a_question_are_kept_where_they_differ(
    crop_mesh: str, tmp_path: Path
) -> None:
    plans = [plan_for_tiny(4), plan_for_tiny(4), plan_for_tiny(5)]
    script = ["no plan at all", *(text for plan in plans for text in (plan, says_one()))]
    async with serving(*(plainly(turn(text)) for text in script)) as server:
        card = await make(
            config(
                crop_mesh,
                server,
                tmp_path,
                limit=1,
                keep=2,
                tries=9,
                seed=1,
                checks=ChecksSection(min_calls=1),
            )
        )
    assert server.script == []
    assert (card.attempts, card.accepted) == (4, 2)
    assert {rule: one.tries for rule, one in card.rejected.items()} == {
        "unanswered": 1,
        "duplicate": 1,
    }
    assert len({one.turns[0].text for one in read_trajectories(tmp_path)}) == 2
    seeds = [asked["seed"] for asked in server.asked]
    assert len(set(seeds)) == 4
