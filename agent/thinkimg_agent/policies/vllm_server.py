"""A vLLM server as it is asked by a trainer: tokens go in, and tokens come out.

Other servers and other uses are for `openai:`, which sends text. vLLM's own way in for
tokens is a server started with `--enable-scale-out`, and its way in for new weights one
with VLLM_SERVER_DEV_MODE=1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import transformers

from thinkimg_agent.conversation import Message
from thinkimg_agent.policies.chat_tokens import ChatTokens
from thinkimg_agent.policies.local_sampling import GREEDY, LocalSampling
from thinkimg_agent.policies.openai_endpoint import CONTEXT_FULL
from thinkimg_agent.policies.policy import ContextFull, Generation, PolicyFault
from thinkimg_agent.policies.vllm_contexts import (
    ATTEMPTS,
    MAX_IMAGE_PIXELS,
    MOST_BIASES,
    check_room,
    check_turns,
    images_of,
    in_a_line,
)
from thinkimg_agent.policies.vocabulary import end_tokens, never_sampled
from thinkimg_rpc.contract import ToolContract

START = (
    "start it with VLLM_SERVER_DEV_MODE=1 vllm serve MODEL --enable-scale-out "
    "--logprobs-mode processed_logprobs"
)
_NEVER = -1e30
"""Of a logit: JSON has no infinity."""
_SAID_CHARACTERS = 300


class VllmServerPolicy:
    """The model that a vLLM server serves. Use it in an `async with`.

    Args:
        model: where the tokenizer and the chat template of the same model are.

    Raises: PolicyFault, when they cannot be loaded.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        base_url: str,
        api_key: str | None = None,
        sampling: LocalSampling = GREEDY,
        max_image_pixels: int = MAX_IMAGE_PIXELS,
        timeout_s: float = 600.0,
    ) -> None:
        self.name = f"vllm-server:{model}"
        self.max_image_pixels = max_image_pixels
        self._sampling = sampling
        try:
            loader: Any = transformers.AutoProcessor
            processor = loader.from_pretrained(model)
            config = transformers.AutoConfig.from_pretrained(model)
            loader = transformers.GenerationConfig
            recommended = loader.from_pretrained(model)
        except (OSError, ValueError, KeyError) as error:
            raise PolicyFault(f"{model} cannot be loaded: {in_a_line(error)}") from error
        self._chat = ChatTokens(processor, config)
        self._ends = sorted(end_tokens(self._chat, recommended))
        vocabulary = config.get_text_config().vocab_size
        never = never_sampled(self._chat, vocabulary, frozenset(self._ends))[:MOST_BIASES]
        self._biases = {str(token): _NEVER for token in never}
        self._served = ""
        self._longest = 0
        self._client = httpx.AsyncClient(
            base_url=base_url.rstrip("/").removesuffix("/v1"),
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=timeout_s,
            # As many turns as there are episodes wait for their answers at once.
            limits=httpx.Limits(max_connections=None),
        )

    async def __aenter__(self) -> Self:
        try:
            (served, *_) = (await self._ask("GET", "/v1/models"))["data"]
            self._served, self._longest = served["id"], served["max_model_len"]
            await self._check_probabilities()
        except BaseException:
            await self._client.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def generate(
        self, conversation: Sequence[Message], tools: Sequence[ToolContract], max_tokens: int
    ) -> Generation:
        ids = await asyncio.to_thread(self._chat.unexpanded, conversation)
        check_room(ids, self._longest)
        images = [
            {"type": "image_url", "url": image.shown_url, "uuid": image.shown_digest}
            for image in images_of(conversation)
        ]
        written = await self._written(ids, images, self._request(max_tokens))
        context = written["prompt_token_ids"]
        check_turns(context, conversation)
        (turn,) = written["choices"]
        token_ids: list[int] = turn["token_ids"]
        ended = turn["finish_reason"] == "stop"
        return Generation(
            text=self._chat.tokenizer.decode(token_ids[:-1] if ended else token_ids),
            finish="stop" if ended else "length",
            prompt_tokens=len(context),
            completion_tokens=len(token_ids),
            prompt_ids=tuple(context),
            token_ids=tuple(token_ids),
            logprobs=tuple(step["logprob"] for step in turn["logprobs"]["content"]),
        )

    async def take_weights(self, folder: Path, version: str) -> None:
        """Go on with weights that lie in a folder as a checkpoint's do; the server must see it.

        Turns that are being written are finished first, those that are asked for meanwhile
        are written with the new weights, and nothing is kept that the old ones computed.

        Raises: PolicyFault; the server writes no turn any more then.
        """
        # What became of images outside of the model stays right, and is kept.
        await self._ask("POST", "/pause", params={"mode": "wait", "clear_cache": "false"})
        reload = {"method": "reload_weights", "kwargs": {"weights_path": str(folder)}}
        await self._ask("POST", "/collective_rpc", json=reload)
        await self._ask("POST", "/reset_encoder_cache")
        every = {"reset_running_requests": "true", "reset_external": "true"}
        await self._ask("POST", "/reset_prefix_cache", params=every)
        await self._ask("POST", "/update_weight_version", json={"new_version": version})
        await self._ask("POST", "/resume")

    async def weight_version(self) -> str:
        """What the weights that were taken last were called."""
        return str((await self._ask("GET", "/weight_info"))["weight_version"])

    def _request(self, max_tokens: int) -> dict[str, Any]:
        return {
            "temperature": self._sampling.temperature,
            "top_p": self._sampling.top_p,
            "max_tokens": max_tokens,
            "logprobs": 0,
            "logit_bias": self._biases,
            "stop_token_ids": self._ends,
            "detokenize": False,
        }

    async def _written(
        self, ids: Sequence[int], images: Sequence[Any], request: dict[str, Any]
    ) -> dict[str, Any]:
        """What the server made of a context, and wrote."""
        asked = {
            "model": self._served,
            "token_ids": list(ids),
            "content_parts": list(images) or None,
            "sampling_params": request,
            "return_token_ids": True,
        }
        for left in range(ATTEMPTS - 1, -1, -1):
            try:
                return await self._ask("POST", "/inference/v1/generate", json=asked)
            except _ServerFault:
                if not left:
                    raise
        raise AssertionError("unreachable")

    async def _check_probabilities(self) -> None:
        """Raises: PolicyFault, when those that the server gives are not what it samples from."""
        only = {"max_tokens": 1, "temperature": 1.0, "logprobs": 0, "allowed_token_ids": [0]}
        (turn,) = (await self._written([0], (), only))["choices"]
        (step,) = turn["logprobs"]["content"]
        if step["logprob"] < 0:
            raise PolicyFault(
                f"{self.name} gives other probabilities than it samples with: {START}"
            )

    async def _ask(self, verb: str, path: str, **more: Any) -> dict[str, Any]:
        """Raises: PolicyFault; ContextFull."""
        try:
            answer = await self._client.request(verb, path, **more)
        except httpx.HTTPError as error:
            said = in_a_line(error)
            raise PolicyFault(f"{self.name} at {self._client.base_url}: {said}") from error
        if answer.is_success:
            said_so: dict[str, Any] = answer.json() if answer.content else {}
            return said_so
        said = in_a_line(answer.text)[:_SAID_CHARACTERS]
        if answer.status_code in (httpx.codes.NOT_FOUND, httpx.codes.FORBIDDEN):
            raise PolicyFault(f"the server at {self._client.base_url} has no {path}: {START}")
        if answer.status_code == httpx.codes.BAD_REQUEST and CONTEXT_FULL.search(answer.text):
            raise ContextFull(said)
        fault = _ServerFault if answer.is_server_error else PolicyFault
        raise fault(f"{self.name} answers {path} with {answer.status_code}: {said}")


class _ServerFault(PolicyFault):
    """It may go better another time."""
