"""The policy for OpenAI-compatible servers, against one that answers as it is told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from thinkimg_agent.conversation import Message, numbered
from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_agent.dialects import HermesDialect, NativeDialect
from thinkimg_agent.episode import Limits, run_episode
from thinkimg_agent.images import EpisodeImages
from thinkimg_agent.policies import ContextFull, Generation, PolicyFault
from thinkimg_agent.policies.openai_endpoint import OpenAIPolicy, Sampling
from thinkimg_agent.reply import Reply, WrittenCall
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import StopReason
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.v1 import CropRequest
from thinkimg_workers.crop import Crop

from ...mesh_fixtures import png

CROP = ToolContract.from_request(CropRequest.DESCRIPTOR)
ASKED = [Message("system", ("Be brief.",)), Message("user", ("What is it?",))]

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def turn(text: str | None, **more: Any) -> dict[str, Any]:
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": more.pop("finish", "stop"),
                "message": {"role": "assistant", "content": text, **more},
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
    }


def called(arguments: str, id: str = "c1") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": "Crop", "arguments": arguments}}


def plainly(body: dict[str, Any], status: int = 200, **headers: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=headers)

    return answer


def streamed(deltas: list[dict[str, Any]], *, whole: bool = True) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number, delta in enumerate(deltas):
            last = whole and number == len(deltas) - 1
            choice = {"index": 0, "delta": delta, "finish_reason": "stop" if last else None}
            await response.write(_event({"choices": [choice]}))
        if not whole:
            assert request.transport is not None
            request.transport.close()
            return response
        usage = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}
        await response.write(_event({"choices": [], "usage": usage}))
        await response.write(b"data: [DONE]\n\n")
        return response

    return answer


def _event(chunk: dict[str, Any]) -> bytes:
    whole = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", **chunk}
    return f"data: {json.dumps(whole)}\n\n".encode()


async def dropped(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


class Server:
    """Answers its requests with one script after the other, and keeps what was asked."""

    def __init__(self, script: list[Answer]) -> None:
        self.script = list(script)
        self.asked: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        self.times.append(time.monotonic())
        return await self.script.pop(0)(request)


@asynccontextmanager
async def serving(*script: Answer) -> AsyncIterator[Server]:
    server = Server(list(script))
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/v1/chat/completions", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


async def asked_of(
    server: Server, conversation: Sequence[Message] = ASKED, **options: Any
) -> Generation:
    async with policy_of(server, **options) as policy:
        return await policy.generate(conversation, [CROP], 99)


def policy_of(server: Server, **options: Any) -> OpenAIPolicy:
    return OpenAIPolicy("m", base_url=server.url, **options)


async def test_a_turn_comes_back_with_its_tokens_counted() -> None:
    async with serving(plainly(turn("It is a chart."))) as server:
        generation = await asked_of(server)
    assert (generation.text, generation.finish) == ("It is a chart.", "stop")
    assert (generation.prompt_tokens, generation.completion_tokens) == (11, 3)
    assert server.asked[0]["max_tokens"] == 99
    assert "tools" not in server.asked[0]


async def test_images_go_in_their_place_as_the_policy_sees_them() -> None:
    images = EpisodeImages(100)
    image = await images.add(png(64, 48))
    asked = [Message("user", (*numbered(image), "What is it?"))]
    async with serving(plainly(turn("a"))) as server:
        await asked_of(server, asked)
    label, picture, question = server.asked[0]["messages"][0]["content"]
    assert label == {"type": "text", "text": "img_1 (11x8):"}
    assert picture["image_url"]["url"].startswith("data:image/png;base64,")
    assert question["text"] == "What is it?"


async def test_sampling_is_asked_for_and_what_is_left_out_is_the_servers_choice() -> None:
    sampling = Sampling(temperature=0.0, seed=7, logprobs=True)
    body = turn("a")
    body["choices"][0]["logprobs"] = {
        "content": [{"token": "a", "logprob": -0.5, "bytes": None, "top_logprobs": []}]
    }
    async with serving(plainly(body)) as server:
        generation = await asked_of(server, sampling=sampling)
    assert generation.logprobs == (-0.5,)
    asked = server.asked[0]
    assert (asked["temperature"], asked["seed"], asked["logprobs"]) == (0.0, 7, True)
    assert "top_p" not in asked


async def test_texts_that_follow_each_other_stand_in_lines_of_their_own() -> None:
    async with serving(plainly(turn("a"))) as server:
        await asked_of(server, [Message("user", ("A result.", "What now?"))])
    assert server.asked[0]["messages"][0]["content"] == [
        {"type": "text", "text": "A result.\nWhat now?"}
    ]


NATIVE_TURN = turn(None, finish="tool_calls", tool_calls=[called('{"scale": 2}')])
NATIVE_PIECES: list[dict[str, Any]] = [
    {"role": "assistant", "content": ""},
    {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "Crop", "arguments": ""}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": '{"sca'}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": 'le": 2}'}}]},
    {},
]


@pytest.mark.parametrize(
    ("answer", "stream"),
    [(plainly(NATIVE_TURN), False), (streamed(NATIVE_PIECES), True)],
    ids=["at once", "in pieces"],
)
async def test_native_calls_are_taken_from_the_server(answer: Answer, stream: bool) -> None:
    async with serving(answer) as server:
        sampling = Sampling(stream=stream)
        generation = await asked_of(server, native_tools=True, sampling=sampling)
    assert generation.calls == (WrittenCall("Crop", '{"scale": 2}', id="c1"),)
    assert generation.completion_tokens == 3
    assert server.asked[0]["tools"][0]["function"]["name"] == "Crop"


async def test_calls_without_ids_get_some_to_be_answered_under() -> None:
    calls = [called("{}", ""), called('{"scale": 2}', "")]
    async with serving(plainly(turn(None, tool_calls=calls))) as server:
        generation = await asked_of(server, native_tools=True)
    assert [call.id for call in generation.calls] == ["call_0", "call_1"]


async def test_a_server_is_told_of_tools_in_the_coordinates_of_the_model() -> None:
    async with serving(plainly(turn("5"))) as server:
        await asked_of(server, native_tools=True, coordinates=CoordinateSpace.THOUSANDTHS)
    (tool,) = server.asked[0]["tools"]
    box = tool["function"]["parameters"]["properties"]["box"]["properties"]
    assert box["x0"]["maximum"] == 1000


async def test_without_tools_a_server_is_told_of_none() -> None:
    async with (
        serving(plainly(turn("5"))) as server,
        policy_of(server, native_tools=True) as policy,
    ):
        await policy.generate(ASKED, [], 64)
    assert "tools" not in server.asked[0]


async def test_calls_that_a_server_takes_out_unasked_go_back_into_the_text() -> None:
    body = turn("Closer. \n", finish="tool_calls", tool_calls=[called('{"scale": 2}')])
    async with serving(plainly(body)) as server:
        generation = await asked_of(server)
    assert generation.calls == ()
    assert HermesDialect().parse(generation.text) == Reply(
        "Closer.", calls=(WrittenCall("Crop", {"scale": 2}),)
    )


async def test_a_server_that_is_full_is_asked_again_after_the_time_it_names() -> None:
    busy = plainly({"error": {"message": "slow down"}}, status=429, **{"Retry-After": "1"})
    async with serving(busy, plainly(turn("now"))) as server:
        generation = await asked_of(server)
    assert generation.text == "now"
    assert server.times[1] - server.times[0] >= 0.95


async def test_a_dropped_connection_is_tried_again() -> None:
    async with serving(dropped, plainly(turn("now"))) as server:
        assert (await asked_of(server)).text == "now"


async def test_a_stream_that_breaks_off_is_asked_for_anew() -> None:
    pieces: list[dict[str, Any]] = [{"content": "It "}, {"content": "is"}]
    broken, whole = streamed(pieces, whole=False), streamed([*pieces, {"content": " a"}])
    async with serving(broken, whole) as server:
        generation = await asked_of(server, sampling=Sampling(stream=True))
    assert generation.text == "It is a"


async def test_a_server_that_stays_down_is_the_policys_fault() -> None:
    async with serving(dropped, dropped) as server:
        with pytest.raises(PolicyFault, match="openai:m"):
            await asked_of(server, max_retries=1)
    with pytest.raises(PolicyFault, match="openai:m"):
        await asked_of(server, max_retries=0)


@pytest.mark.parametrize(
    "body", [{}, {"choices": []}, {"choices": [{"index": 0, "message": None}]}, {"error": "x"}]
)
async def test_an_answer_that_is_no_turn_is_the_policys_fault(body: dict[str, Any]) -> None:
    async with serving(plainly(body)) as server:
        with pytest.raises(PolicyFault, match="no turn"):
            await asked_of(server, max_retries=0)


async def test_an_answer_that_is_no_json_is_the_policys_fault() -> None:
    async def garbled(request: web.Request) -> web.StreamResponse:
        return web.Response(text='{"choices": [', content_type="application/json")

    async with serving(garbled) as server:
        with pytest.raises(PolicyFault):
            await asked_of(server, max_retries=0)


async def test_an_answer_that_came_garbled_is_asked_for_anew() -> None:
    async def garbled(request: web.Request) -> web.StreamResponse:
        return web.Response(text='{"choices": [', content_type="application/json")

    async with serving(garbled, plainly(turn("now"))) as server:
        assert (await asked_of(server)).text == "now"


async def test_a_server_that_fails_in_the_middle_of_a_stream_is_asked_anew() -> None:
    async def fails(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b'data: {"error": "out of memory"}\n\n')
        return response

    async with serving(fails, streamed([{"content": "now"}])) as server:
        assert (await asked_of(server, sampling=Sampling(stream=True))).text == "now"


def refused(name: str, code: str | None = "unsupported_parameter") -> Answer:
    said = f"Unsupported parameter: '{name}' is not supported with this model."
    return plainly({"error": {"message": said, "param": name, "code": code}}, status=400)


async def test_what_a_reasoning_model_takes_is_learnt_once() -> None:
    script = [refused("max_tokens"), refused("temperature", None), *[plainly(turn("a"))] * 2]
    sampling = Sampling(temperature=0.0, seed=3)
    async with serving(*script) as server, policy_of(server, sampling=sampling) as policy:
        for _ in range(2):
            assert (await policy.generate(ASKED, [], 99)).text == "a"
    assert len(server.asked) == 4
    for asked in server.asked[2:]:
        assert (asked["max_completion_tokens"], asked["seed"]) == (99, 3)
        assert not asked.keys() & {"max_tokens", "temperature"}


async def test_what_an_episode_cannot_do_without_is_refused_for_good() -> None:
    for script in ([refused("messages")], [refused("seed"), refused("seed")]):
        async with serving(*script) as server:
            with pytest.raises(PolicyFault, match="refuses the request"):
                await asked_of(server, sampling=Sampling(seed=3))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("context_length_exceeded", "Your input is too long: 4096."),
        (None, "This model's maximum context length is 4096 tokens."),
        (None, "The decoder prompt (5000) is longer than the maximum model length of 4096."),
        (400, "The input (5000 tokens) is longer than the model's context length (4096 tokens)."),
        (400, "The input token count (5000) exceeds the maximum number of tokens allowed (4096)."),
    ],
)
async def test_an_episode_that_outgrows_the_model_is_told_apart(
    code: str | int | None, said: str
) -> None:
    full = plainly({"error": {"message": said, "code": code}}, status=400)
    async with serving(full) as server:
        with pytest.raises(ContextFull, match="4096"):
            await asked_of(server)


async def test_a_request_that_is_refused_says_why() -> None:
    async with serving(plainly({"error": {"message": "no such model"}}, status=400)) as server:
        with pytest.raises(PolicyFault, match=r"refuses the request: .*no such model"):
            await asked_of(server)


async def test_malformed_arguments_are_shown_under_the_calls_id_and_can_be_mended() -> None:
    wrong = turn("Let me look.", finish="tool_calls", tool_calls=[called('{"box": ', "c1")])
    box = '{"box": {"x0": 0, "y0": 0, "x1": 9, "y1": 9}}'
    right = turn(None, finish="tool_calls", tool_calls=[called(box, "c2")])
    script = [plainly(wrong), plainly(right), plainly(turn("<answer>a chart</answer>"))]
    async with (
        serving(*script) as server,
        Mesh.local([Crop]) as mesh,
        policy_of(server, native_tools=True) as policy,
    ):
        trajectory = await run_episode(
            Sample("s", "What?", (png(),)),
            policy,
            mesh,
            Limits(),
            dialect=NativeDialect(),
            tools=await mesh.contracts(),
        )
    assert trajectory.stop is StopReason.ANSWERED
    assert "not JSON: line 1" in trajectory.turns[0].calls[0].observation
    shown = server.asked[1]["messages"]
    assert [message["role"] for message in shown] == ["system", "user", "assistant", "tool"]
    assert shown[2]["tool_calls"][0]["id"] == shown[3]["tool_call_id"] == "c1"
    # Servers parse what comes back to them.
    assert json.loads(shown[2]["tool_calls"][0]["function"]["arguments"]) == {
        "malformed": '{"box": '
    }
    assert [message["role"] for message in server.asked[2]["messages"][-2:]] == ["tool", "user"]


async def test_episodes_wait_for_the_server_side_by_side() -> None:
    together = asyncio.Barrier(8)

    async def answer(request: web.Request) -> web.StreamResponse:
        async with asyncio.timeout(10):
            await together.wait()
        return web.json_response(turn("<answer>5</answer>"))

    async with serving(*[answer] * 8) as server, policy_of(server, max_retries=0) as policy:
        done = await asyncio.gather(*(policy.generate(ASKED, [], 9) for _ in range(8)))
    assert {one.text for one in done} == {"<answer>5</answer>"}


async def test_requests_of_the_same_instant_leave_the_event_loop_to_others_in_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passes = 0
    asked_in: list[int] = []

    async def count_passes() -> None:
        nonlocal passes
        while True:
            passes += 1
            await asyncio.sleep(0)

    async def note(request: dict[str, Any]) -> Generation:
        asked_in.append(passes)
        return Generation("5")

    async with OpenAIPolicy("m", base_url="http://127.0.0.1:1") as policy:
        monkeypatch.setattr(policy, "_turn", note)
        counting = asyncio.create_task(count_passes())
        await asyncio.gather(*(policy.generate(ASKED, [], 9) for _ in range(5)))
        counting.cancel()
    assert len(set(asked_in)) == 5
