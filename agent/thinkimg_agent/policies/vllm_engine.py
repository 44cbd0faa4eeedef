"""Any image-text-to-text model of vLLM, in this program.

vLLM runs the model in a process of its own, and the turns of all episodes in one
batch that they join and leave at any step. Tokens go in and tokens come out: an image
goes in as the template writes it, and the context of a turn is what vLLM made of that,
each image's placeholders in their full number.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import math
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import transformers
from PIL import Image

from thinkimg_agent.conversation import Message
from thinkimg_agent.images import EpisodeImage
from thinkimg_agent.policies.chat_tokens import ChatTokens
from thinkimg_agent.policies.local_sampling import GREEDY, LocalSampling
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
from thinkimg_rpc.contract import ToolContract

# Read when vLLM is imported, here and in the processes that it starts. A fork would
# take this program's gRPC threads with it, and what is printed belongs to the program.
os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")
os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")

from vllm import SamplingParams
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.exceptions import VLLMError
from vllm.outputs import CompletionOutput
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.async_llm import AsyncLLM

_SHUTDOWN_S = 30.0
"""After which vLLM kills what is left; it takes seconds, and by itself waits for five."""


class VllmPolicy:
    """A model from a folder or the Hugging Face cache. Use it in an `async with`.

    Args:
        engine: further arguments of vLLM's `AsyncEngineArgs`. By default a context may
            be as long as the model allows and the memory holds.

    Raises: PolicyFault, when the model cannot be loaded.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        sampling: LocalSampling = GREEDY,
        max_image_pixels: int = MAX_IMAGE_PIXELS,
        **engine: Any,
    ) -> None:
        self.name = f"vllm:{model}"
        self.max_image_pixels = max_image_pixels
        self._sampling = sampling
        try:
            loader: Any = transformers.AutoProcessor
            processor = loader.from_pretrained(model)
            config = transformers.AutoConfig.from_pretrained(model)
        except (OSError, ValueError, KeyError) as error:
            raise PolicyFault(f"{model} cannot be loaded: {in_a_line(error)}") from error
        self._chat = ChatTokens(processor, config)
        self._options = {
            "model": str(model),
            "max_model_len": -1,
            # Episodes differ because the engine goes on drawing: with a seed for each
            # request, all rollouts of a sample would be the same.
            "seed": sampling.seed,
            # Of what was sampled from, with the temperature and without images' tokens.
            "logprobs_mode": "processed_logprobs",
            **engine,
        }
        self._ends: list[int] = []
        """Beside those that the checkpoint names."""
        self._never_sampled: list[int] = []
        """Tokens of images, and those that the tokenizer does not know."""
        self._numbers = itertools.count()
        self._engine: AsyncLLM | None = None

    async def __aenter__(self) -> Self:
        try:
            options = AsyncEngineArgs(**self._options)
            engine = await asyncio.to_thread(AsyncLLM.from_engine_args, options)
        except (OSError, ValueError, RuntimeError, VLLMError) as error:
            raise PolicyFault(f"{self.name} does not start: {in_a_line(error)}") from error
        self._engine = engine
        chat = self._chat
        ends = {chat.tokenizer.eos_token_id, chat.end_of_turn()} - {None}
        unknown = range(chat.first_unknown_id, engine.model_config.get_vocab_size())
        self._ends = sorted(ends)
        self._never_sampled = [*sorted(chat.image_token_ids - ends), *unknown][:MOST_BIASES]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop()

    async def generate(
        self, conversation: Sequence[Message], tools: Sequence[ToolContract], max_tokens: int
    ) -> Generation:
        engine = self._running()
        try:
            return await self._generate(engine, conversation, max_tokens)
        except (ContextFull, PolicyFault):
            raise
        except Exception as error:  # whatever a model raises
            raise PolicyFault(f"{self.name}: {in_a_line(error)}") from error

    async def take_weights(self, folder: Path, version: str) -> None:
        """Go on with weights that lie in a folder as a checkpoint's do.

        Turns that are being written are finished first, those that are asked for meanwhile
        are written with the new weights, and nothing is kept that the old ones computed.

        Raises: PolicyFault; no turn is written any more then.
        """
        engine = self._running()
        try:
            # What became of images outside of the model stays right, and is kept.
            await engine.pause_generation(mode="wait", clear_cache=False)
            await engine.collective_rpc("reload_weights", kwargs={"weights_path": str(folder)})
            await engine.reset_encoder_cache()
            await engine.reset_prefix_cache(True, True)
            await engine.update_weight_version(version)
            await engine.resume_generation()
        except Exception as error:  # whatever a model raises
            await self._stop()
            raise PolicyFault(f"{self.name} took no new weights: {in_a_line(error)}") from error

    async def _stop(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            await asyncio.to_thread(engine.shutdown, _SHUTDOWN_S)

    def _running(self) -> AsyncLLM:
        if self._engine is None:
            raise PolicyFault(f"{self.name} is not running: use it in an `async with`")
        return self._engine

    async def _generate(
        self, engine: AsyncLLM, conversation: Sequence[Message], max_tokens: int
    ) -> Generation:
        ids = await asyncio.to_thread(self._chat.unexpanded, conversation)
        images = images_of(conversation)
        longest = engine.model_config.max_model_len
        # vLLM refuses what is too long before it has put the images in, and after.
        check_room(ids, longest)
        for _ in range(ATTEMPTS):
            try:
                (prompt,) = await engine.renderer.render_cmpl_async([_prompt(ids, images)])
            except AssertionError:
                # As below, and it was noticed while the image was looked up.
                continue
            context: list[int] = prompt["prompt_token_ids"]
            check_room(context, longest)
            check_turns(context, conversation)
            request = self._request(min(max_tokens, longest - len(context)))
            async for written in engine.generate(prompt, request, str(next(self._numbers))):
                turn = written.outputs[0]
            if turn.finish_reason in ("stop", "length"):
                return self._generation(context, turn)
        raise PolicyFault(f"{self.name} failed at a turn {ATTEMPTS} times")

    def _request(self, max_tokens: int) -> SamplingParams:
        return SamplingParams(
            temperature=self._sampling.temperature,
            top_p=self._sampling.top_p,
            max_tokens=max_tokens,
            logprobs=0,
            logit_bias=dict.fromkeys(self._never_sampled, -math.inf),
            stop_token_ids=self._ends,
            # The tokens are what counts; the text is made of them in one way everywhere.
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )

    def _generation(self, context: Sequence[int], turn: CompletionOutput) -> Generation:
        token_ids = list(turn.token_ids)
        ended = turn.finish_reason == "stop"
        return Generation(
            text=self._chat.tokenizer.decode(token_ids[:-1] if ended else token_ids),
            finish="stop" if ended else "length",
            prompt_tokens=len(context),
            completion_tokens=len(token_ids),
            prompt_ids=tuple(context),
            token_ids=tuple(token_ids),
            logprobs=tuple(
                step[token].logprob
                for step, token in zip(turn.logprobs or (), token_ids, strict=True)
            ),
        )


def _prompt(ids: Sequence[int], images: Sequence[EpisodeImage]) -> dict[str, Any]:
    """What vLLM takes. It knows an image by its digest, and decodes only those it does not."""
    prompt: dict[str, Any] = {"prompt_token_ids": list(ids)}
    if images:
        pictures = [Image.open(io.BytesIO(image.shown)) for image in images]
        prompt["multi_modal_data"] = {"image": pictures}
        prompt["multi_modal_uuids"] = {"image": [image.shown_digest for image in images]}
    return prompt
