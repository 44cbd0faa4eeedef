"""A small model that computes what models compute, and then says what it is told to say.

So that two trainers play the very same episodes: a random model would call no tool, and
what it says would depend on whose random numbers it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from trl.chat_template_utils import qwen3_vl_chat_template

from thinkimg_train.small.architecture import small_config
from thinkimg_train.small.tokenizer import small_tokenizer

FILLER = " hm"
"""One token: a thought has as many as the question."""
QUESTION = "Which bar is highest?"
CALLS = 2
"""Of an episode; the turn after them answers."""
_OPENING_MESSAGES = 3
"""That a prompt holds before anything was said: system, user, and the turn that begins."""
_MESSAGES_PER_CALL = 2
_CERTAIN = 1e4
"""A logit that leaves nothing to the others."""


def save_scripted_model(folder: Path, words: Sequence[str]) -> Path:
    """A random Qwen2-VL of some three million parameters, with a template that knows tools.

    Args:
        words: texts whose every word is to be a token, as it is in a model of the day.
    """
    torch.manual_seed(0)
    texts = [FILLER, QUESTION, call_of(0.3), call_of(0.0), ANSWER, qwen3_vl_chat_template, *words]
    tokenizer = small_tokenizer(texts, ())
    model: Any = transformers.Qwen2VLForConditionalGeneration(small_config(tokenizer))
    model.save_pretrained(folder)
    images: Any = transformers.Qwen2VLImageProcessor
    videos: Any = transformers.Qwen2VLVideoProcessor
    processor: Any = transformers.Qwen2VLProcessor
    # One of those that TRL knows how to read calls from.
    processor = processor(images(), tokenizer, videos(), chat_template=qwen3_vl_chat_template)
    processor.save_pretrained(folder)
    return folder


def call_of(delay_s: float) -> str:
    """What calls the tool."""
    return (
        f'<tool_call>\n{{"name": "Echo", "arguments": {{"delay_s": {delay_s:.1f}}}}}\n</tool_call>'
    )


ANSWER = "<answer>4</answer>"


class Script:
    """Has a model write a thought and a call `CALLS` times, and then an answer."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.delay_s = 0.0
        self._tokenizer = tokenizer
        (self._filler,) = tokenizer.encode(FILLER)
        self._message_begins = tokenizer.convert_tokens_to_ids("<|im_start|>")
        self._turns: list[list[int]] = []
        self._step = 0
        model.register_forward_hook(self._say, with_kwargs=True)

    def _say(self, model: Any, args: Any, given: dict[str, Any], output: Any) -> None:
        if torch.is_grad_enabled():
            return
        ids = given["input_ids"]
        if ids.shape[1] > 1:  # a prompt: the turns begin
            self._turns, self._step = [self._turn(row) for row in ids], 0
            self._follow_rows(output.past_key_values)
        end = self._tokenizer.eos_token_id
        next_ids = [turn[self._step] if self._step < len(turn) else end for turn in self._turns]
        self._step += 1
        logits = output.logits[:, -1]
        logits.fill_(-_CERTAIN)
        logits[torch.arange(len(next_ids)), next_ids] = _CERTAIN

    def _follow_rows(self, cache: Any) -> None:
        """Turns that have ended leave a pass, and a prompt begins several: the cache is told."""
        select = cache.batch_select_indices

        def follow(indices: torch.Tensor) -> None:
            self._turns = [self._turns[place] for place in indices.tolist()]
            select(indices)

        cache.batch_select_indices = follow

    def _turn(self, prompt: torch.Tensor) -> list[int]:
        messages = int((prompt == self._message_begins).sum())
        made = (messages - _OPENING_MESSAGES) // _MESSAGES_PER_CALL
        thought = int((prompt == self._filler).sum()) // (made + 1)
        said = call_of(self.delay_s) if made < CALLS else ANSWER
        return [self._filler] * thought + [
            *self._tokenizer.encode(said),
            self._tokenizer.eos_token_id,
        ]
