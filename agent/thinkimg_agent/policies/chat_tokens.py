"""A conversation as the tokens and pixels a model takes in, with nothing tokenised twice.

The model's own chat template and processor do the work, whatever the family. What
the model sampled itself goes back in as the very tokens it sampled: in the
template's text each of its turns is one marker, and the marker's token is replaced
by the turn's. Text that was decoded and encoded again may be other tokens, and a
trainer would learn from a context that never was.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from thinkimg_agent.conversation import Message
from thinkimg_agent.images import EpisodeImage
from thinkimg_agent.policies.policy import PolicyFault

_MARKER = "<|thinkimg_turn|>"
_IMAGE_TOKENS = (
    *("image_token_id", "image_token_index", "video_token_id", "video_token_index"),
    *("vision_start_token_id", "vision_end_token_id", "boi_token_index", "eoi_token_index"),
)


@dataclass(frozen=True)
class Prompt:
    """What a model takes in for one turn."""

    ids: list[int]
    """(P,) tokens, each image's placeholders in their full number."""
    per_token: dict[str, list[int]]
    """(P,) what the processor says of each token beside it, its type say."""
    pixels: dict[str, torch.Tensor]
    """The processor's features of all images, in order."""


class ChatTokens:
    """Makes prompts for one model."""

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        self.tokenizer = processor.tokenizer
        if not (processor.chat_template or self.tokenizer.chat_template):
            raise PolicyFault(
                "the model has no chat template; put its chat_template.jinja into the folder"
            )
        # Only ever in the text between template and tokens, never in the model.
        self.tokenizer.add_tokens([_MARKER], special_tokens=True)
        self._marker_id = self.tokenizer.convert_tokens_to_ids(_MARKER)

    def prompt(self, conversation: Sequence[Message]) -> Prompt:
        """The tokens of a conversation up to where the model's next turn begins."""
        text = self._text(conversation)
        pictures = [
            Image.open(io.BytesIO(part.shown))
            for message in conversation
            for part in message.parts
            if isinstance(part, EpisodeImage)
        ]
        made = dict(
            self._processor(
                text=[text], images=[pictures] if pictures else None, return_tensors="pt"
            )
        )
        ids = made.pop("input_ids")
        made.pop("attention_mask", None)
        beside = {
            name: made.pop(name)[0].tolist()
            for name, value in list(made.items())
            if isinstance(value, torch.Tensor) and value.shape == ids.shape
        }
        turns = [self._turn_ids(one) for one in conversation if one.role == "assistant"]
        return _spliced(ids[0].tolist(), beside, turns, self._marker_id, made)

    def _text(self, conversation: Sequence[Message]) -> str:
        messages = [_message(message) for message in conversation]
        options = {"tokenize": False, "add_generation_prompt": True}
        try:
            text: str = self._processor.apply_chat_template(messages, **options)
        except Exception:  # a template refuses what it does not know in any way it likes
            # Some families have no system role.
            merged = _without_system(messages)
            text = self._processor.apply_chat_template(merged, **options)
        return text

    def _turn_ids(self, message: Message) -> list[int]:
        if message.token_ids is not None:
            return list(message.token_ids)
        ids: list[int] = self.tokenizer.encode(message.text, add_special_tokens=False)
        return ids


def image_token_ids(config: Any, tokenizer: Any) -> list[int]:
    """The tokens that stand for images. A model that sampled one would claim to see a
    picture that is not there, and a trainer would look for its pixels."""
    found = {getattr(config, name, None) for name in _IMAGE_TOKENS}
    named = (getattr(tokenizer, name, None) for name in ("image_token_id", "video_token_id"))
    return sorted({one for one in (*found, *named) if isinstance(one, int) and one >= 0})


def _spliced(
    ids: Sequence[int],
    beside: Mapping[str, Sequence[int]],
    turns: Sequence[Sequence[int]],
    marker: int,
    pixels: dict[str, torch.Tensor],
) -> Prompt:
    """The tokens with each marker replaced by its turn.

    A turn that ends with the token the template ends turns with has it once.
    """
    spliced: list[int] = []
    types: dict[str, list[int]] = {name: [] for name in beside}
    waiting = iter(turns)
    ended_by: int | None = None
    for position, token in enumerate(ids):
        if token == marker:
            turn = next(waiting)
            spliced += turn
            for values in types.values():
                values += [0] * len(turn)
            ended_by = turn[-1] if turn else None
            continue
        if token != ended_by:
            spliced.append(token)
            for name, values in types.items():
                values.append(beside[name][position])
        ended_by = None
    return Prompt(spliced, types, pixels)


def _message(message: Message) -> dict[str, Any]:
    if message.role == "assistant":
        return {"role": "assistant", "content": [{"type": "text", "text": _MARKER}]}
    content = [
        {"type": "image"} if isinstance(part, EpisodeImage) else {"type": "text", "text": part}
        for part in message.parts
    ]
    return {"role": "user" if message.role == "tool" else message.role, "content": content}


def _without_system(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    system, first, *rest = messages
    return [{"role": "user", "content": [*system["content"], *first["content"]]}, *rest]
