"""The `openai:` policy against vLLM's own server, which nobody here wrote."""

from __future__ import annotations

from itertools import pairwise

import pytest

from thinkimg_agent.conversation import Message, numbered
from thinkimg_agent.dialects import NativeDialect
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.images import EpisodeImages
from thinkimg_agent.policies import ContextFull, PolicyFault
from thinkimg_agent.policies.openai_endpoint import OpenAIPolicy, Sampling
from thinkimg_agent.reply import WrittenCall
from thinkimg_agent.trajectory import StopReason
from thinkimg_rpc.client import Mesh
from thinkimg_workers.crop import Crop

from ..mesh_fixtures import png
from .crop_always import CropAlways, sample

pytestmark = pytest.mark.timeout(300)  # the server alone takes a minute to start
LONGEST = 8192


@pytest.mark.parametrize("stream", [False, True])
async def test_a_whole_episode_with_a_tools_image(server: str, stream: bool) -> None:
    sampling = Sampling(temperature=1.0, seed=0, logprobs=True, stream=stream)
    async with (
        Mesh.local([Crop]) as mesh,
        OpenAIPolicy("tiny", base_url=server, sampling=sampling) as policy,
    ):
        trajectory = await run_episode(
            sample(),
            policy,
            mesh,
            Limits(max_turns=3, max_turn_tokens=400),
            dialect=CropAlways(),
            tools=await mesh.contracts(),
        )
    assert trajectory.stop is StopReason.TURN_LIMIT, trajectory.stop_detail
    assert [call.error for turn in trajectory.turns for call in turn.calls] == ["", "", ""]
    assert [image.name for image in trajectory.images] == ["img_1", "img_2", "img_3", "img_4"]
    for turn, after in pairwise(trajectory.turns):
        assert after.prompt_tokens > turn.prompt_tokens + turn.completion_tokens
    for turn in trajectory.turns:
        assert turn.logprobs is not None
        assert len(turn.logprobs) == turn.completion_tokens
        assert max(turn.logprobs) <= 0


async def test_the_server_sees_the_image(server: str) -> None:
    sampling = Sampling(temperature=0.0, logprobs=True)
    async with OpenAIPolicy("tiny", base_url=server, sampling=sampling) as policy:
        small, large = [
            await policy.generate(await asked(*size), [], 4) for size in ((56, 56), (112, 112))
        ]
    # 28 x 28 pixels are a token, and so is each letter of the size that is said before it.
    grown = large.prompt_tokens - small.prompt_tokens
    assert grown == (4 * 4 - 2 * 2) + len("112x112") - len("56x56")
    assert small.logprobs != large.logprobs


@pytest.mark.parametrize("stream", [False, True])
async def test_tools_of_the_servers_own_are_offered(server: str, stream: bool) -> None:
    sampling = Sampling(temperature=0.0, stream=stream)
    policy = OpenAIPolicy("tiny", base_url=server, native_tools=True, sampling=sampling)
    async with Mesh.local([Crop]) as mesh, policy:
        trajectory = await run_episode(
            sample(),
            policy,
            mesh,
            Limits(max_unparseable=2, max_turn_tokens=400),
            dialect=NativeDialect(),
            tools=await mesh.contracts(),
        )
    # What a random model writes is no call, so it is taken for an answer.
    assert trajectory.stop in (StopReason.ANSWERED, StopReason.UNPARSEABLE), trajectory.stop_detail
    assert trajectory.turns[0].completion_tokens


async def test_earlier_calls_and_their_results_go_back_in(server: str) -> None:
    call = WrittenCall("Crop", '{"image": "img_1"}', id="c1")
    conversation = [
        *await asked(56, 56),
        Message("assistant", ("Let me see.",), calls=(call,)),
        Message("tool", ("Made img_2.",), call_id="c1"),
        Message("user", numbered(await EpisodeImages(1 << 14).add(png(56, 56)))),
    ]
    policy = OpenAIPolicy("tiny", base_url=server, native_tools=True)
    async with policy, Mesh.local([Crop]) as mesh:
        turn = await policy.generate(conversation, await mesh.contracts(), 4)
    assert turn.completion_tokens


async def test_a_context_that_is_too_long_is_told_apart(server: str) -> None:
    async with OpenAIPolicy("tiny", base_url=server) as policy:
        with pytest.raises(ContextFull, match=str(LONGEST)):
            await policy.generate([Message("user", ("x" * LONGEST,))], [], 4)


async def test_a_model_that_is_not_served_is_a_fault(server: str) -> None:
    async with OpenAIPolicy("other", base_url=server) as policy:
        with pytest.raises(PolicyFault, match="other"):
            await policy.generate([Message("user", ("x",))], [], 4)


async def asked(width: int, height: int) -> list[Message]:
    image = await EpisodeImages(1 << 14).add(png(width, height))
    return [Message("user", (*numbered(image), "What?"))]
