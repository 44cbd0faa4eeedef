"""How episodes end when something goes wrong, and what is left of them."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from thinkimg_agent.checking import problems
from thinkimg_agent.conversation import Message
from thinkimg_agent.dialects import NativeDialect
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.policies import ContextFull, Generation, PolicyFault, ScriptedPolicy
from thinkimg_agent.reply import WrittenCall
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_agent.trajectory_file import TrajectoryWriter, read_trajectories
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import ImageNotCached, ThinkImgError, Unauthenticated
from thinkimg_rpc.imaging.codec import InvalidImage
from thinkimg_rpc.testing.echo import Echo
from thinkimg_rpc.testing.v1 import EchoRequest, EchoResponse
from thinkimg_rpc.tool import Call, Tool
from thinkimg_rpc.v1 import CropRequest, CropResponse, ResultImage
from thinkimg_workers.crop import Crop

from .episodes import ANSWER, DIALECT, SAMPLE, Watching, box, episode, turn

CROP = turn(("Crop", {"image": "img_1", "box": box(0, 0, 9, 9)}))


class FailsLater(ScriptedPolicy):
    """Raises instead of the turn after its script."""

    def __init__(self, script: list[str | Generation], error: Exception) -> None:
        super().__init__(script)
        self._error = error
        self._left = len(script)

    async def generate(self, *conversation: Any) -> Generation:
        if self._left == 0:
            raise self._error
        self._left -= 1
        return await super().generate(*conversation)


@pytest.mark.parametrize(
    ("error", "stop"),
    [
        (PolicyFault("the server went away"), StopReason.ABORTED),
        (ContextFull("9000 tokens"), StopReason.TOKEN_LIMIT),
    ],
)
async def test_what_came_before_a_fault_is_kept_whole(
    error: Exception, stop: StopReason, tmp_path: Path
) -> None:
    said = Generation(
        CROP, prompt_tokens=2, completion_tokens=1, prompt_ids=(1, 2), token_ids=(3,), logprobs=(0,)
    )
    async with Mesh.local([Crop]) as mesh:
        trajectory = await episode(mesh, FailsLater([said], error))
    assert (trajectory.stop, trajectory.stop_detail) == (stop, str(error))
    assert [image.name for image in trajectory.images] == ["img_1", "img_2"]
    assert (trajectory.context_ids, trajectory.sampled) == ([1, 2, 3], [(2, 3)])
    with TrajectoryWriter(tmp_path) as writer:
        writer.add(trajectory)
    (again,) = read_trajectories(tmp_path)
    assert list(problems(again, tmp_path)) == []
    assert again.turns[0].calls[0].response is not None


async def test_a_timeout_of_the_policys_own_is_no_deadline_of_the_episode() -> None:
    async with Mesh.local([Crop]) as mesh:
        with pytest.raises(TimeoutError, match="mine"):
            await episode(mesh, FailsLater([], TimeoutError("mine")))


@pytest.mark.parametrize("error", [ImageNotCached("lost it"), Unauthenticated("no token")])
async def test_what_a_model_cannot_mend_it_is_not_shown(error: ThinkImgError) -> None:
    class Refusing(Tool[EchoRequest, EchoResponse]):
        def run(self, request: EchoRequest, call: Call) -> EchoResponse:
            raise error

    async with Mesh.local([Refusing]) as mesh:
        policy = Watching([turn(("Echo", {})), ANSWER])
        trajectory = await episode(mesh, policy)
    assert trajectory.stop is StopReason.ABORTED
    assert error.message in trajectory.stop_detail
    assert len(policy.seen) == 1


async def test_a_tool_whose_image_is_none_aborts() -> None:
    class Torn(Tool[CropRequest, CropResponse]):
        def run(self, request: CropRequest, call: Call) -> CropResponse:
            return CropResponse(image=ResultImage(data=b"torn", digest="0" * 64))

    async with Mesh.local([Torn]) as mesh:
        trajectory = await episode(mesh, ScriptedPolicy([CROP, ANSWER]))
    assert trajectory.stop is StopReason.ABORTED
    assert "Crop returned no image" in trajectory.stop_detail


async def test_a_sample_whose_image_is_none_has_no_episode() -> None:
    async with Mesh.local([Crop]) as mesh:
        with pytest.raises(InvalidImage):
            await episode(mesh, ScriptedPolicy([ANSWER]), sample=Sample("s", "?", (b"no image",)))


async def test_a_turn_that_was_cut_off_is_not_acted_on() -> None:
    async with Mesh.local([Crop]) as mesh:
        tools = await mesh.contracts()
        # Without its end this would read as an answer.
        policy = ScriptedPolicy([Generation("The answer is prob", finish="length")])
        trajectory = await run_episode(
            SAMPLE, policy, mesh, Limits(), dialect=NativeDialect(), tools=tools
        )
        assert (trajectory.stop, trajectory.answer) == (StopReason.TOKEN_LIMIT, None)
        trajectory = await episode(mesh, ScriptedPolicy([Generation(CROP, finish="length")]))
    assert (trajectory.stop, len(trajectory.images)) == (StopReason.TOKEN_LIMIT, 1)
    assert trajectory.turns[0].text == CROP


class Patient(Tool[EchoRequest, EchoResponse]):
    """Works until nobody waits any more."""

    running = threading.Event()
    given_up = threading.Event()

    def run(self, request: EchoRequest, call: Call) -> EchoResponse:
        self.running.set()
        try:
            while True:
                call.check_deadline()
                threading.Event().wait(0.005)
        finally:
            self.given_up.set()


async def test_a_cancelled_episode_gives_its_calls_up() -> None:
    async with Mesh.local([Patient]) as mesh:
        task = asyncio.create_task(episode(mesh, ScriptedPolicy([turn(("Echo", {})), ANSWER])))
        assert await asyncio.to_thread(Patient.running.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(Patient.given_up.wait, 10)


async def test_a_cancelled_episode_gives_its_turn_up() -> None:
    class Thinking(ScriptedPolicy):
        began, gave_up = asyncio.Event(), asyncio.Event()

        async def generate(self, *_: Any) -> Generation:
            self.began.set()
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self.gave_up.set()
            return Generation("")

    policy = Thinking([])
    async with Mesh.local([Crop]) as mesh:
        task = asyncio.create_task(episode(mesh, policy))
        await asyncio.wait_for(policy.began.wait(), 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert policy.gave_up.is_set()


async def test_a_fault_of_one_call_gives_the_others_of_its_turn_up() -> None:
    class OneFails(Tool[EchoRequest, EchoResponse]):
        running, given_up = threading.Event(), threading.Event()

        def run(self, request: EchoRequest, call: Call) -> EchoResponse:
            if request.fail:
                assert self.running.wait(10)
                raise RuntimeError("asked to fail")
            self.running.set()
            try:
                while True:
                    call.check_deadline()
                    threading.Event().wait(0.005)
            finally:
                self.given_up.set()

    async with Mesh.local([OneFails]) as mesh:
        policy = ScriptedPolicy([turn(("Echo", {"text": "long"}), ("Echo", {"fail": True}))])
        trajectory = await episode(mesh, policy)
        assert trajectory.stop is StopReason.ABORTED
        assert await asyncio.to_thread(OneFails.given_up.wait, 10)


async def test_an_image_that_the_client_no_longer_holds_is_handed_to_it_again() -> None:
    async with Mesh.local([Crop]) as mesh:
        mesh._images._blobs.max_bytes = 1  # it keeps nothing
        policy = ScriptedPolicy([CROP, turn(("Crop", {"image": "img_2", "box": box(0, 0, 4, 4)}))])
        trajectory = await episode(mesh, policy, max_turns=2)
    assert [image.width for image in trajectory.images] == [80, 9, 4]


def observed(trajectory: Trajectory, turn: int, call: int = 0) -> str:
    return trajectory.turns[turn].calls[call].observation


async def test_the_same_call_twice_in_a_turn_is_answered_twice() -> None:
    same = ("Crop", {"image": "img_1", "box": box(0, 0, 9, 9)})
    async with Mesh.local([Crop]) as mesh:
        trajectory = await episode(mesh, ScriptedPolicy([turn(same, same), ANSWER]))
    assert [json.loads(observed(trajectory, 0, n))["image"] for n in (0, 1)] == ["img_2", "img_3"]
    assert len({image.digest for image in trajectory.images[1:]}) == 1


async def test_arguments_that_are_no_object_are_shown_as_such() -> None:
    asked = (
        WrittenCall("Echo", '{"text": ', id="c1"),
        WrittenCall("Echo", "[1]", id="c2"),
        WrittenCall("Nothing", "{}", id="c3"),
    )
    policy = Watching([Generation("", calls=asked), Generation("5")])
    async with Mesh.local([Echo]) as mesh:
        tools = await mesh.contracts()
        trajectory = await run_episode(
            SAMPLE, policy, mesh, Limits(), dialect=NativeDialect(), tools=tools
        )
    said = [message.text for message in policy.seen[-1][-3:]]
    assert said[0].startswith("Error: the arguments are not JSON: line 1")
    assert said[1] == "Error: the arguments must be a JSON object, {…}, got a list"
    assert said[2].startswith('Error: no tool named "Nothing"')
    assert trajectory.answer == "5"


async def test_without_tools_a_call_is_told_so_and_an_answer_is_taken() -> None:
    async with Mesh.local([Crop]) as mesh:
        policy = Watching([CROP, ANSWER])
        trajectory = await run_episode(SAMPLE, policy, mesh, Limits(), dialect=DIALECT, tools=[])
    assert observed(trajectory, 0) == "Error: there are no tools here: answer without them"
    assert trajectory.answer == "a chart"


async def test_a_sample_without_images_can_be_answered() -> None:
    async with Mesh.local([Crop]) as mesh:
        policy = Watching([turn(("Crop", {"box": box(0, 0, 1, 1)})), ANSWER])
        trajectory = await episode(mesh, policy, sample=Sample("s", "?", ()))
    assert "there is no image" in observed(trajectory, 0)
    assert trajectory.stop is StopReason.ANSWERED


async def test_all_images_of_a_sample_are_numbered_and_shown_before_the_question() -> None:
    two = Sample("s", "Which?", (SAMPLE.images[0], SAMPLE.images[0]))
    policy = Watching([turn(("Crop", {"box": box(0, 0, 1, 1)})), ANSWER])
    async with Mesh.local([Crop]) as mesh:
        trajectory = await episode(mesh, policy, sample=two)
    asked: Message = policy.seen[0][1]
    assert [part for part in asked.parts if isinstance(part, str)] == [
        "img_1 (80x60):",
        "img_2 (80x60):",
        "Which?",
    ]
    assert "name one of img_1, img_2" in observed(trajectory, 0)


async def test_more_images_than_allowed_end_an_episode_before_its_first_turn() -> None:
    policy = Watching([ANSWER])
    async with Mesh.local([Crop]) as mesh:
        trajectory = await episode(mesh, policy, max_images=0)
    assert (trajectory.stop, policy.seen) == (StopReason.IMAGE_LIMIT, [])
