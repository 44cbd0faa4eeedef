"""The policy for vLLM's token endpoint, against a server that answers as it is told.

Tests against vLLM itself are in tests/vllm.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from thinkimg_agent.conversation import Message, numbered
from thinkimg_agent.images import EpisodeImages
from thinkimg_agent.policies import ContextFull, PolicyFault
from thinkimg_agent.policies.local_sampling import LocalSampling
from thinkimg_agent.policies.vllm_server import VllmServerPolicy

from ...mesh_fixtures import png
from ...workers.tiny_checkpoints import save_qwen_vl

HELLO = [Message("user", ("Hello",))]
Answer = Callable[[dict[str, Any]], web.Response]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_qwen_vl(tmp_path_factory.mktemp("model"))


def turn(token_ids: list[int], *, logprob: float = 0.0, finish: str = "stop") -> Answer:
    def answer(asked: dict[str, Any]) -> web.Response:
        content = [{"token_id": token, "logprob": logprob} for token in token_ids]
        choice = {"token_ids": token_ids, "finish_reason": finish, "logprobs": {"content": content}}
        return web.json_response({"prompt_token_ids": asked["token_ids"], "choices": [choice]})

    return answer


def refusal(status: int, text: str) -> Answer:
    return lambda asked: web.Response(status=status, text=text)


E, F = 68, 69
"""Tokens of letters."""
PROBE = turn([0])
"""What the policy asks first."""


class Server:
    """Answers turns with one script after the other, and keeps what was asked."""

    def __init__(self, script: list[Answer]) -> None:
        self.script = script
        self.asked: list[tuple[str, Any]] = []
        self.keys: set[str | None] = set()
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.keys.add(request.headers.get("Authorization"))
        if request.path == "/v1/models":
            return web.json_response({"data": [{"id": "tiny", "max_model_len": 100}]})
        body = await request.json() if request.can_read_body else dict(request.query)
        self.asked.append((request.path, body))
        if request.path == "/inference/v1/generate":
            return self.script.pop(0)(body)
        if request.path == "/collective_rpc" and "nothing" in str(body):
            return web.Response(status=500, text="no such file")
        return web.json_response({"success": True, "weight_version": "7"})


@asynccontextmanager
async def asking(
    folder: Path, *script: Answer, **options: Any
) -> AsyncIterator[tuple[Server, VllmServerPolicy]]:
    server = Server(list(script))
    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with VllmServerPolicy(folder, base_url=f"{server.url}/v1", **options) as policy:
            yield server, policy
    finally:
        await runner.cleanup()


async def test_tokens_go_in_and_tokens_come_out(folder: Path) -> None:
    image = await EpisodeImages(1 << 14).add(png(64, 48))
    sampled = (99, 195, 98)  # no text of these would become the same tokens
    conversation = [
        Message("user", (*numbered(image), "What?")),
        Message("assistant", ("?",), token_ids=sampled),
        Message("user", ("Go on.",)),
    ]
    sampling = LocalSampling(temperature=0.7, top_p=0.9)
    async with asking(folder, PROBE, turn([E, 2], logprob=-0.5), sampling=sampling) as (
        server,
        policy,
    ):
        said = await policy.generate(conversation, [], 9)
        _, (_, asked) = server.asked
        context = asked["token_ids"]
        assert any(tuple(context[n : n + 3]) == sampled for n in range(len(context)))
        assert context.count(policy._chat.tokenizer.convert_tokens_to_ids("<|image_pad|>")) == 1
        (part,) = asked["content_parts"]
        assert (part["uuid"], part["url"]) == (image.shown_digest, image.shown_url)
        asked_for = asked["sampling_params"]
        assert (asked_for["temperature"], asked_for["top_p"], asked_for["max_tokens"]) == (
            0.7,
            0.9,
            9,
        )
        biased = {int(token) for token in asked_for["logit_bias"]}
        assert biased >= policy._chat.image_token_ids
    assert said.token_ids == (E, 2)
    assert said.logprobs == (-0.5, -0.5)
    assert said.prompt_ids == tuple(context)
    assert (said.finish, said.text) == ("stop", "e")


async def test_a_turn_that_was_cut_off_keeps_its_last_token(folder: Path) -> None:
    async with asking(folder, PROBE, turn([E, F], finish="length")) as (_, policy):
        said = await policy.generate(HELLO, [], 2)
    assert (said.finish, said.text) == ("length", "ef")


async def test_the_key_goes_along(folder: Path) -> None:
    async with asking(folder, PROBE, api_key="secret") as (server, _):
        pass
    assert server.keys == {"Bearer secret"}


async def test_a_server_that_stumbles_is_asked_again(folder: Path) -> None:
    stumbled = refusal(500, "Internal server error")
    async with asking(folder, PROBE, stumbled, stumbled, turn([2])) as (server, policy):
        assert (await policy.generate(HELLO, [], 2)).completion_tokens == 1
        assert len(server.asked) == 4


async def test_a_server_that_keeps_stumbling_is_a_fault(folder: Path) -> None:
    async with asking(folder, PROBE, *[refusal(500, "engine\ndead")] * 5) as (_, policy):
        with pytest.raises(PolicyFault, match="500: engine dead"):
            await policy.generate(HELLO, [], 2)


async def test_a_context_that_is_too_long_is_told_apart(folder: Path) -> None:
    said = "the maximum model length is 100"
    async with asking(folder, PROBE, refusal(400, said)) as (_, policy):
        with pytest.raises(ContextFull, match="maximum model length"):
            await policy.generate(HELLO, [], 2)
        with pytest.raises(ContextFull, match="the model takes 100"):
            await policy.generate([Message("user", ("x" * 100,))], [], 2)


async def test_a_turn_that_was_tokenised_again_is_a_fault(folder: Path) -> None:
    def otherwise(asked: dict[str, Any]) -> web.Response:
        return turn([2])(asked | {"token_ids": [1, 2, 3]})

    said = Message("assistant", ("?",), token_ids=(195, 98))
    async with asking(folder, PROBE, otherwise) as (_, policy):
        with pytest.raises(PolicyFault, match="a second time"):
            await policy.generate([*HELLO, said, *HELLO], [], 2)


async def test_a_server_without_the_endpoint_says_how_to_start_it(folder: Path) -> None:
    with pytest.raises(PolicyFault, match="--enable-scale-out"):
        async with asking(folder, refusal(403, "disabled")):
            raise AssertionError("it was taken")


async def test_probabilities_before_temperature_and_bias_are_refused(folder: Path) -> None:
    with pytest.raises(PolicyFault, match="--logprobs-mode processed_logprobs"):
        async with asking(folder, turn([0], logprob=-3.0)):
            raise AssertionError("it was taken")


async def test_a_server_that_is_not_there_is_a_fault(folder: Path) -> None:
    with pytest.raises(PolicyFault, match=r"127\.0\.0\.1:1"):
        async with VllmServerPolicy(folder, base_url="http://127.0.0.1:1"):
            raise AssertionError("it was taken")


async def test_weights_are_taken_between_turns_and_nothing_old_is_kept(folder: Path) -> None:
    async with asking(folder, PROBE) as (server, policy):
        await policy.take_weights(Path("/dev/shm/w"), "7")
        assert await policy.weight_version() == "7"
    paths = [path for path, _ in server.asked[1:]]
    assert paths == [
        "/pause",
        "/collective_rpc",
        "/reset_encoder_cache",
        "/reset_prefix_cache",
        "/update_weight_version",
        "/resume",
        "/weight_info",
    ]
    assert server.asked[1][1]["mode"] == "wait"
    assert server.asked[2][1]["kwargs"] == {"weights_path": "/dev/shm/w"}


async def test_a_server_that_cannot_read_the_weights_stays_paused(folder: Path) -> None:
    async with asking(folder, PROBE) as (server, policy):
        with pytest.raises(PolicyFault, match="no such file"):
            await policy.take_weights(Path("/nothing"), "7")
    assert "/resume" not in [path for path, _ in server.asked]
