"""Any image-text-to-text model of transformers, in this process.

Turns that wait at the same time are written in one pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
import transformers

from thinkimg_agent.conversation import Message
from thinkimg_agent.policies.chat_tokens import ChatTokens, Prompt
from thinkimg_agent.policies.decoding import Decoding, Written
from thinkimg_agent.policies.local_sampling import GREEDY, LocalSampling, Sampler, turn_seed
from thinkimg_agent.policies.pixel_features import joined, shape_of
from thinkimg_agent.policies.policy import ContextFull, Generation, Policy, PolicyFault
from thinkimg_agent.policies.vocabulary import end_tokens, never_sampled
from thinkimg_rpc.contract import ToolContract

MAX_IMAGE_PIXELS = 1 << 20


@dataclass
class _Waiting:
    prompt: Prompt
    max_tokens: int
    seed: int | None
    turn: asyncio.Future[Generation]


class TransformersPolicy:
    """A model from a folder or the Hugging Face cache. Use it in an `async with`.

    Args:
        module: the model itself, where it is here already and stays where it is, as one that
            is being trained; it is left as it was found after every pass.

    Raises: PolicyFault, when the model cannot be loaded.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        module: Any = None,
        device: str = "auto",
        dtype: str = "auto",
        sampling: LocalSampling = GREEDY,
        max_batch: int = 64,
        max_image_pixels: int = MAX_IMAGE_PIXELS,
    ) -> None:
        self.name = f"transformers:{model}"
        self.max_image_pixels = max_image_pixels
        self._sampling = sampling
        self._max_batch = max_batch
        try:
            loader: Any = transformers.AutoProcessor
            processor = loader.from_pretrained(model)
            if module is None:
                loader = transformers.AutoModelForImageTextToText
                module = loader.from_pretrained(model, dtype=dtype).to(_device(device)).eval()
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise PolicyFault(f"{model} cannot be loaded: {_first_line(error)}") from error
        self._model = module
        self._chat = ChatTokens(processor, self._model.config)
        self._ends = end_tokens(self._chat, self._model.generation_config)
        vocabulary = self._model.get_output_embeddings().weight.shape[0]
        self._suppressed = never_sampled(self._chat, vocabulary, self._ends)
        # What a checkpoint recommends (top-k, penalties) is not what was asked for, and
        # log-probabilities would not be the model's.
        settings: Any = transformers.GenerationConfig
        self._settings = settings(eos_token_id=sorted(self._ends), pad_token_id=self._padding())
        self._longest = getattr(
            self._model.config.get_text_config(), "max_position_embeddings", 1 << 30
        )
        self._writing: asyncio.Task[None] | None = None
        torch.manual_seed(sampling.seed)

    async def __aenter__(self) -> Self:
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._writing = asyncio.create_task(self._write_turns(), name="policy")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    async def generate(
        self, conversation: Sequence[Message], tools: Sequence[ToolContract], max_tokens: int
    ) -> Generation:
        return await self._generate(conversation, max_tokens, None)

    def seeded(self, seed: int) -> Policy:
        """The same policy for one episode, whose tokens follow from a seed: whatever other
        turns are written beside its own, it draws the same."""
        return _Seeded(self, seed)

    async def _generate(
        self, conversation: Sequence[Message], max_tokens: int, seed: int | None
    ) -> Generation:
        prompt = await asyncio.to_thread(self._chat.prompt, conversation)
        room = min(max_tokens, self._longest - len(prompt.ids))
        if room <= 0:
            raise ContextFull(f"{len(prompt.ids)} tokens, and the model takes {self._longest}")
        waiting = _Waiting(prompt, room, seed, asyncio.get_running_loop().create_future())
        self._waiting.put_nowait(waiting)
        return await waiting.turn

    async def _write_turns(self) -> None:
        """Write whatever turns are waiting, pass after pass."""
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < self._max_batch and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            batch = [one for one in batch if not one.turn.done()]
            for alike in _batchable(batch):
                await self._write_batch(alike)

    async def _write_batch(self, batch: Sequence[_Waiting]) -> None:
        """Write turns in one pass. Where that fails, each is tried alone: the one at fault,
        or the one too many for the memory, takes no other with it."""
        try:
            turns = await asyncio.to_thread(self._write, batch)
        except Exception as error:  # whatever a model raises
            if len(batch) > 1:
                for one in batch:
                    await self._write_batch([one])
                return
            fault = PolicyFault(f"{self.name}: {type(error).__name__}: {error}")
            fault.__cause__ = error
            if not batch[0].turn.done():
                batch[0].turn.set_exception(fault)
            return
        for one, turn in zip(batch, turns, strict=True):
            if not one.turn.done():
                one.turn.set_result(turn)

    @torch.inference_mode()
    def _write(self, batch: Sequence[_Waiting]) -> list[Generation]:
        for one in batch:
            self._check_images(one.prompt)
        prompts, numbers = _different([one.prompt for one in batch])
        inputs = _padded(prompts, self._padding())
        sampler = Sampler(self._sampling, self._suppressed, [one.seed for one in batch])
        limits = [one.max_tokens for one in batch]
        decoding = Decoding(sampler, self._ends, limits, numbers)
        with self._at_work() as model:
            model.generate(
                **{name: self._placed(value) for name, value in inputs.items()},
                max_new_tokens=max(limits),
                custom_generate=decoding,
            )
        turns = zip(batch, decoding.turns, strict=True)
        return [self._generation(one, written) for one, written in turns]

    @contextmanager
    def _at_work(self) -> Iterator[Any]:
        model = self._model
        training, recommended = model.training, model.generation_config
        model.generation_config = self._settings
        model.train(mode=False)
        try:
            yield model
        finally:
            model.generation_config = recommended
            model.train(training)

    def _check_images(self, prompt: Prompt) -> None:
        """Models say it less clearly, of all that is in a pass, or not at all."""
        found = self._chat.count_placeholders(prompt.ids)
        if found != prompt.placeholders:
            raise ValueError(f"{found} image tokens for {prompt.placeholders} image features")

    def _placed(self, value: torch.Tensor) -> torch.Tensor:
        dtype = self._model.dtype if value.is_floating_point() else value.dtype
        return value.to(self._model.device, dtype)

    def _generation(self, waiting: _Waiting, written: Written) -> Generation:
        ids = written.ids
        ended = ids[-1] in self._ends
        return Generation(
            text=self._chat.tokenizer.decode(ids[:-1] if ended else ids),
            finish="stop" if ended else "length",
            prompt_tokens=len(waiting.prompt.ids),
            completion_tokens=len(ids),
            prompt_ids=tuple(waiting.prompt.ids),
            token_ids=tuple(ids),
            logprobs=tuple(written.logprobs),
        )

    def _padding(self) -> int:
        pad = self._chat.tokenizer.pad_token_id
        return int(min(self._ends) if pad is None else pad)


@dataclass(frozen=True)
class _Seeded:
    """A policy in one episode."""

    _policy: TransformersPolicy
    _seed: int

    @property
    def name(self) -> str:
        return self._policy.name

    @property
    def max_image_pixels(self) -> int:
        return self._policy.max_image_pixels

    async def generate(
        self, conversation: Sequence[Message], tools: Sequence[ToolContract], max_tokens: int
    ) -> Generation:
        turn = sum(message.role == "assistant" for message in conversation)
        seed = turn_seed(self._seed, turn)
        return await self._policy._generate(conversation, max_tokens, seed)


def _different(prompts: Sequence[Prompt]) -> tuple[list[Prompt], list[int]]:
    """Prompts that differ, and which of them each one is: episodes of one group begin alike."""
    found: list[Prompt] = []
    numbers: list[int] = []
    for prompt in prompts:
        same = (number for number, one in enumerate(found) if _alike(one, prompt))
        number = next(same, len(found))
        if number == len(found):
            found.append(prompt)
        numbers.append(number)
    return found, numbers


def _alike(one: Prompt, other: Prompt) -> bool:
    return (
        one.ids == other.ids
        and one.pixels.keys() == other.pixels.keys()
        and all(torch.equal(value, other.pixels[name]) for name, value in one.pixels.items())
    )


def _padded(prompts: Sequence[Prompt], padding: int) -> dict[str, torch.Tensor]:
    """Prompts side by side, (B, L), filled up on the left so that all end where turns begin."""
    longest = max(len(prompt.ids) for prompt in prompts)

    def filled(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
        return torch.tensor([[value] * (longest - len(row)) + list(row) for row in rows])

    inputs = {
        "input_ids": filled([prompt.ids for prompt in prompts], padding),
        "attention_mask": filled([[1] * len(prompt.ids) for prompt in prompts], 0),
    }
    for name in dict.fromkeys(name for prompt in prompts for name in prompt.per_token):
        rows = [prompt.per_token.get(name, [0] * len(prompt.ids)) for prompt in prompts]
        inputs[name] = filled(rows, 0)
    return inputs | joined([prompt.pixels for prompt in prompts if prompt.pixels])


def _batchable(waiting: Sequence[_Waiting]) -> list[list[_Waiting]]:
    """Groups whose images can stand in one pass; those without any can stand in all."""
    groups: list[tuple[Any, list[_Waiting]]] = []
    for one in sorted(waiting, key=lambda one: not one.prompt.pixels):
        shape = shape_of(one.prompt.pixels)
        fitting = (group for known, group in groups if not shape or shape == known)
        group = next(fitting, None)
        if group is None:
            groups.append((shape, [one]))
        else:
            group.append(one)
    return [group for _, group in groups]


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
