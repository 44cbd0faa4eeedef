"""Any image-text-to-text model of transformers, in this process.

Turns that wait at the same time are written in one pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
import transformers

from thinkimg_agent.conversation import Message
from thinkimg_agent.policies.chat_tokens import ChatTokens, Prompt, image_token_ids
from thinkimg_agent.policies.policy import ContextFull, Generation, PolicyFault
from thinkimg_rpc.contract import ToolContract

MAX_IMAGE_PIXELS = 1 << 20


@dataclass(frozen=True)
class LocalSampling:
    """How turns are sampled."""

    temperature: float = 0.0
    """0 takes the likeliest token."""
    top_p: float = 1.0
    seed: int = 0


@dataclass
class _Waiting:
    prompt: Prompt
    max_tokens: int
    turn: asyncio.Future[Generation]


class TransformersPolicy:
    """A model from a folder or the Hugging Face cache. Use it in an `async with`.

    Raises: PolicyFault, when the model cannot be loaded.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        device: str = "auto",
        dtype: str = "auto",
        sampling: LocalSampling = LocalSampling(),
        max_batch: int = 16,
        max_image_pixels: int = MAX_IMAGE_PIXELS,
    ) -> None:
        self.name = f"transformers:{model}"
        self.max_image_pixels = max_image_pixels
        self._sampling = sampling
        self._max_batch = max_batch
        self._device = _device(device)
        try:
            loader: Any = transformers.AutoProcessor
            processor = loader.from_pretrained(model)
            loader = transformers.AutoModelForImageTextToText
            self._model = loader.from_pretrained(model, dtype=dtype)
        except (OSError, ValueError, KeyError) as error:
            raise PolicyFault(f"{model} cannot be loaded: {_first_line(error)}") from error
        self._model = self._model.to(self._device).eval()
        self._chat = ChatTokens(processor)
        self._suppressed = image_token_ids(self._model.config, self._chat.tokenizer)
        self._ends = _end_tokens(self._model)
        self._longest = getattr(
            self._model.config.get_text_config(), "max_position_embeddings", 1 << 30
        )
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._writing: asyncio.Task[None] | None = None
        torch.manual_seed(sampling.seed)

    async def __aenter__(self) -> Self:
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
        prompt = await asyncio.to_thread(self._chat.prompt, conversation)
        room = min(max_tokens, self._longest - len(prompt.ids))
        if room <= 0:
            raise ContextFull(f"{len(prompt.ids)} tokens, and the model takes {self._longest}")
        waiting = _Waiting(prompt, room, asyncio.get_running_loop().create_future())
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
                try:
                    turns = await asyncio.to_thread(self._write, alike)
                except Exception as error:  # whatever a model raises fails these turns only
                    fault = PolicyFault(f"{self.name}: {type(error).__name__}: {error}")
                    fault.__cause__ = error
                    for one in alike:
                        if not one.turn.done():
                            one.turn.set_exception(fault)
                    continue
                for one, turn in zip(alike, turns, strict=True):
                    if not one.turn.done():
                        one.turn.set_result(turn)

    @torch.inference_mode()
    def _write(self, batch: Sequence[_Waiting]) -> list[Generation]:
        inputs = _padded([one.prompt for one in batch], self._padding())
        written = self._model.generate(
            **{name: value.to(self._device) for name, value in inputs.items()},
            max_new_tokens=max(one.max_tokens for one in batch),
            suppress_tokens=self._suppressed or None,
            return_dict_in_generate=True,
            output_scores=True,
            pad_token_id=self._padding(),
            **self._sampling_options(),
        )
        sampled = written.sequences[:, inputs["input_ids"].shape[1] :].tolist()
        # (steps, B, V) after temperature and suppression: what was sampled from.
        logprobs = torch.stack([score.float().log_softmax(-1) for score in written.scores])
        return [
            self._generation(one, ids, logprobs[:, row])
            for row, (one, ids) in enumerate(zip(batch, sampled, strict=True))
        ]

    def _generation(
        self, waiting: _Waiting, ids: Sequence[int], logprobs: torch.Tensor
    ) -> Generation:
        """One row of a pass, cut where its own turn ended."""
        end = next((n for n, token in enumerate(ids) if token in self._ends), None)
        length = min(len(ids) if end is None else end + 1, waiting.max_tokens)
        kept = list(ids[:length])
        ended = bool(kept) and kept[-1] in self._ends
        chosen = logprobs[:length].gather(1, torch.tensor(kept, device=logprobs.device)[:, None])
        return Generation(
            text=self._chat.tokenizer.decode(kept[:-1] if ended else kept),
            finish="stop" if ended else "length",
            prompt_tokens=len(waiting.prompt.ids),
            completion_tokens=length,
            prompt_ids=tuple(waiting.prompt.ids),
            token_ids=tuple(kept),
            logprobs=tuple(chosen[:, 0].tolist()),
        )

    def _sampling_options(self) -> dict[str, Any]:
        if self._sampling.temperature == 0:
            return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        return {
            "do_sample": True,
            "temperature": self._sampling.temperature,
            "top_p": self._sampling.top_p,
            "top_k": 0,
        }

    def _padding(self) -> int:
        pad = self._chat.tokenizer.pad_token_id
        return int(min(self._ends) if pad is None else pad)


def _padded(prompts: Sequence[Prompt], padding: int) -> dict[str, torch.Tensor]:
    """Prompts side by side, (B, L), filled up on the left so that all end where turns begin."""
    longest = max(len(prompt.ids) for prompt in prompts)

    def filled(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
        return torch.tensor([[value] * (longest - len(row)) + list(row) for row in rows])

    inputs = {
        "input_ids": filled([prompt.ids for prompt in prompts], padding),
        "attention_mask": filled([[1] * len(prompt.ids) for prompt in prompts], 0),
    }
    for name in prompts[0].per_token:
        inputs[name] = filled([prompt.per_token[name] for prompt in prompts], 0)
    for name in prompts[0].pixels:
        inputs[name] = torch.cat([prompt.pixels[name] for prompt in prompts])
    return inputs


def _batchable(waiting: Sequence[_Waiting]) -> list[list[_Waiting]]:
    """Groups whose images can stand in one pass: their features differ in number only."""
    groups: dict[Any, list[_Waiting]] = {}
    for one in waiting:
        shapes = tuple((name, value.shape[1:]) for name, value in one.prompt.pixels.items())
        groups.setdefault(shapes, []).append(one)
    return list(groups.values())


def _end_tokens(model: Any) -> frozenset[int]:
    ends = model.generation_config.eos_token_id
    return frozenset(ends if isinstance(ends, list) else [ends])


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
