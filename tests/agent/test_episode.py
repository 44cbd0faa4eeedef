"""The loop, over a real mesh, with a policy that says what it is told to say."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_agent.dialects import HermesDialect, NativeDialect
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.images import EpisodeImage
from thinkimg_agent.policies import Generation, PolicyFault, ScriptedPolicy
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.trajectory import StopReason
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import InternalFault, InvalidRequest
from thinkimg_rpc.imaging.codec import decode
from thinkimg_rpc.testing.echo import Echo
from thinkimg_rpc.testing.v1 import EchoRequest, EchoResponse
from thinkimg_rpc.tool import Call, Tool
from thinkimg_workers.crop import Crop

from .episodes import ANSWER, PIXELS, SAMPLE, Watching, box, episode, turn


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    async with Mesh.local([Crop, Echo]) as mesh:
        yield mesh


async def test_an_episode_goes_on_until_the_answer(mesh: Mesh) -> None:
    policy = Watching([turn(("Crop", {"box": box(0, 0, 40, 30)})), ANSWER])
    trajectory = await episode(mesh, policy)
    assert trajectory.stop is StopReason.ANSWERED
    assert trajectory.answer == "a chart"
    assert [image.name for image in trajectory.images] == ["img_1", "img_2"]
    assert (trajectory.images[1].turn, trajectory.images[1].call) == (0, 0)
    assert json.loads(trajectory.turns[0].calls[0].observation) == {
        "image": "img_2",
        "box": [0, 0, 40, 30],
    }


async def test_a_later_call_can_name_the_first_image(mesh: Mesh) -> None:
    policy = Watching(
        [
            turn(("Crop", {"image": "img_1", "box": box(0, 0, 10, 10)})),
            turn(("Crop", {"image": "img_1", "box": box(20, 10, 60, 50)})),
            ANSWER,
        ]
    )
    await episode(mesh, policy)
    picture = policy.last_shown().parts[-1]
    assert isinstance(picture, EpisodeImage)
    assert picture.name == "img_3"
    assert np.array_equal(decode(picture.data, max_pixels=10**6), PIXELS[10:50, 20:60])


async def test_the_calls_of_a_turn_are_observed_in_the_order_asked(mesh: Mesh) -> None:
    policy = Watching(
        [
            turn(
                ("Echo", {"text": "slow", "delay_s": 0.2}),
                ("Crop", {"box": box(0, 0, 8, 8)}),
                ("Echo", {"text": "fast"}),
                ("Crop", {"box": box(0, 0, 9, 9)}),
            ),
            ANSWER,
        ]
    )
    trajectory = await episode(mesh, policy)
    shown = policy.last_shown()
    lines = shown.text.splitlines()
    assert [line.split(":")[0] for line in lines[1:5]] == ["Echo", "Crop", "Echo", "Crop"]
    assert "slow" in lines[1]
    assert [image.width for image in trajectory.images[1:]] == [8, 9]


async def test_two_calls_of_one_turn_run_side_by_side(mesh: Mesh) -> None:
    both = threading.Barrier(2)

    class Slow(Tool[EchoRequest, EchoResponse]):
        def run(self, request: EchoRequest, call: Call) -> EchoResponse:
            both.wait(timeout=10)
            return EchoResponse(text=f"{both.parties} running")

    async with Mesh.local([Slow]) as slow:
        policy = Watching([turn(("Echo", {}), ("Echo", {})), ANSWER])
        trajectory = await episode(slow, policy)
    assert [json.loads(call.observation) for call in trajectory.turns[0].calls] == [
        {"text": "2 running"}
    ] * 2


async def test_a_mistake_in_a_call_is_shown_with_its_field_and_can_be_mended(mesh: Mesh) -> None:
    policy = Watching(
        [
            turn(("Crop", {"box": box(0, 0, 400, 30)}), ("Crop", {"box": box(0, 0, 40, 30)})),
            turn(("Corp", {})),
            turn(("Crop", {"box": {"x0": "1"}})),
            ANSWER,
        ]
    )
    trajectory = await episode(mesh, policy)
    first, second = trajectory.turns[0].calls
    assert first.observation == "Error: box.x1: 400 is outside the image: 0 to 80"
    assert second.error == ""
    assert "Crop" in trajectory.turns[1].calls[0].observation
    assert "box.x0" in trajectory.turns[2].calls[0].observation
    assert trajectory.stop is StopReason.ANSWERED


async def test_a_turn_out_of_the_dialect_is_told_how_to_write_it(mesh: Mesh) -> None:
    policy = Watching(["Terminate?", ANSWER])
    trajectory = await episode(mesh, policy)
    assert trajectory.stop is StopReason.ANSWERED
    assert policy.last_shown().text.startswith("Error: the turn is not valid JSON")
    assert trajectory.turns[0].problem


async def test_turns_out_of_the_dialect_end_the_episode_in_the_end(mesh: Mesh) -> None:
    trajectory = await episode(mesh, ScriptedPolicy(["what?"] * 9), max_unparseable=2)
    assert trajectory.stop is StopReason.UNPARSEABLE
    assert len(trajectory.turns) == 2


@pytest.mark.parametrize(
    ("limits", "stop"),
    [
        ({"max_turns": 3}, StopReason.TURN_LIMIT),
        ({"max_images": 2}, StopReason.IMAGE_LIMIT),
    ],
)
async def test_limits_end_an_episode(mesh: Mesh, limits: dict[str, Any], stop: StopReason) -> None:
    script = [turn(("Crop", {"image": "img_1", "box": box(0, 0, 9, 9)}))] * 9
    assert (await episode(mesh, ScriptedPolicy(script), **limits)).stop is stop


async def test_tokens_are_limited_where_the_policy_counts_them(mesh: Mesh) -> None:
    line = turn(("Echo", {"text": "a"}))
    script = [Generation(line, prompt_tokens=90 + n, completion_tokens=6) for n in range(9)]
    trajectory = await episode(mesh, ScriptedPolicy(script), max_context_tokens=98)
    assert trajectory.stop is StopReason.TOKEN_LIMIT
    assert len(trajectory.turns) == 3


async def test_a_turn_that_was_cut_off_ends_at_the_token_limit(mesh: Mesh) -> None:
    policy = ScriptedPolicy([Generation('{"thought": "I am', finish="length")])
    assert (await episode(mesh, policy)).stop is StopReason.TOKEN_LIMIT


async def test_a_deadline_ends_an_episode_while_a_tool_runs(mesh: Mesh) -> None:
    policy = ScriptedPolicy([turn(("Echo", {"delay_s": 30})), ANSWER])
    trajectory = await episode(mesh, policy, deadline_s=0.2)
    assert trajectory.stop is StopReason.DEADLINE


async def test_a_fault_of_the_mesh_aborts_and_is_never_shown(mesh: Mesh) -> None:
    class Broken(Tool[EchoRequest, EchoResponse]):
        def run(self, request: EchoRequest, call: Call) -> EchoResponse:
            if request.text == "mine":
                raise InvalidRequest.field("text", "must not be mine")
            raise InternalFault("the GPU fell out")

    async with Mesh.local([Broken, Crop]) as broken:
        policy = Watching([turn(("Echo", {"text": "mine"}), ("Echo", {"text": "a"})), ANSWER])
        trajectory = await episode(broken, policy)
    assert trajectory.stop is StopReason.ABORTED
    assert "GPU" in trajectory.stop_detail
    assert trajectory.turns[0].calls == []
    assert len(policy.seen) == 1


async def test_a_policy_that_cannot_answer_aborts() -> None:
    class Down(ScriptedPolicy):
        async def generate(self, *_: Any) -> Generation:
            raise PolicyFault("the server is down")

    async with Mesh.local([Crop]) as mesh:
        trajectory = await episode(mesh, Down([]))
    assert (trajectory.stop, trajectory.stop_detail) == (
        StopReason.ABORTED,
        "the server is down",
    )


async def test_coordinates_mean_the_same_pixels_in_a_reduced_image(mesh: Mesh) -> None:
    tools = await mesh.contracts()
    dialect = HermesDialect(CoordinateSpace.PIXELS)
    crop = WrittenCall("Crop", {"image": "img_1", "box": box(10, 5, 30, 25)})
    policy = Watching(
        [dialect.write(Reply("", (crop,))), dialect.write(Reply("", answer="x"))],
        max_image_pixels=80 * 60 // 4,
    )
    trajectory = await run_episode(SAMPLE, policy, mesh, Limits(), dialect=dialect, tools=tools)
    assert (trajectory.images[0].shown_width, trajectory.images[0].shown_height) == (40, 30)
    picture = policy.last_shown().parts[-1]
    assert isinstance(picture, EpisodeImage)
    assert np.array_equal(decode(picture.data, max_pixels=10**6), PIXELS[10:50, 20:60])
    observed = trajectory.turns[0].calls[0].observation
    assert json.loads(observed)["box"] == [10, 5, 30, 25]


async def test_native_calls_are_answered_under_their_ids(mesh: Mesh) -> None:
    tools = await mesh.contracts()
    asked = (
        WrittenCall("Echo", {"text": "a"}, id="c1"),
        WrittenCall("Crop", {"box": box(0, 0, 9, 9)}, id="c2"),
    )
    policy = Watching([Generation("look", calls=asked), Generation("<answer>5</answer>")])
    await run_episode(SAMPLE, policy, mesh, Limits(), dialect=NativeDialect(), tools=tools)
    *_, said, first, second, pictures = policy.seen[-1]
    assert said.calls == asked
    assert [(one.role, one.call_id) for one in (first, second)] == [("tool", "c1"), ("tool", "c2")]
    assert isinstance(pictures.parts[-1], EpisodeImage)


async def test_the_tokens_of_an_episode_know_which_were_sampled(mesh: Mesh) -> None:
    first = Generation(
        turn(("Echo", {"text": "a"})),
        prompt_tokens=3,
        completion_tokens=2,
        prompt_ids=(1, 2, 3),
        token_ids=(4, 5),
        logprobs=(-0.1, -0.2),
    )
    second = Generation(
        ANSWER,
        prompt_tokens=7,
        completion_tokens=1,
        prompt_ids=(1, 2, 3, 4, 5, 6, 7),
        token_ids=(8,),
        logprobs=(-0.3,),
    )
    trajectory = await episode(mesh, ScriptedPolicy([first, second]))
    assert trajectory.context_ids == [1, 2, 3, 4, 5, 6, 7, 8]
    assert trajectory.sampled == [(3, 5), (7, 8)]
    assert trajectory.turns[1].logprobs == [-0.3]


async def test_many_episodes_share_one_mesh_and_one_policy(mesh: Mesh) -> None:
    policy = ScriptedPolicy([turn(("Crop", {"box": box(0, 0, 20, 20)})), ANSWER])
    done = await asyncio.gather(*(episode(mesh, policy) for _ in range(16)))
    assert {one.stop for one in done} == {StopReason.ANSWERED}
