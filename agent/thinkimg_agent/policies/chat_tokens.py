"""A conversation as the tokens and pixels a model takes in, with nothing tokenised twice.

The model's own chat template and processor do the work, whatever the family. A
context only ever grows: what stands between two of the model's turns becomes
tokens once, by itself, and what the model sampled goes back in as the very tokens
it sampled. So the context of a turn is that of the turn before, its tokens, and
what came after, even where the template would drop earlier thoughts, begin a turn
with other words than it asks for one, or where the number of an image's tokens
depends on how many images there are. A trainer learns from contexts that were.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import Any

import torch
import transformers
from PIL import Image

from thinkimg_agent.conversation import Message
from thinkimg_agent.images import EpisodeImage
from thinkimg_agent.policies.chat_template import MARKER, ChatTemplate
from thinkimg_agent.policies.image_tokens import image_token_ids
from thinkimg_agent.policies.pixel_features import joined
from thinkimg_agent.policies.policy import PolicyFault

_SEGMENTS_KEPT = 32
"""Every turn needs all segments before it again, and rollouts of one sample share the first."""


@dataclass(frozen=True)
class Prompt:
    """What a model takes in for one turn."""

    ids: list[int]
    """(P,) tokens, each image's placeholders in their full number."""
    per_token: dict[str, list[int]] = field(default_factory=dict)
    """(P,) what the processor says of each token beside it, its type say."""
    pixels: dict[str, torch.Tensor] = field(default_factory=dict)
    """The processor's features of all images, in order."""
    placeholders: int = 0
    """How many of the tokens are to be replaced by what the model sees of the images."""


_Segment = Callable[[str, tuple[EpisodeImage, ...]], Prompt]
"""Makes tokens of text, as the template wrote it, and its images."""


class ChatTokens:
    """Makes prompts for one model; many threads may ask at once.

    Raises: PolicyFault, when the model has no chat template that can be used.
    """

    def __init__(self, processor: Any, config: Any, *, segments_kept: int = _SEGMENTS_KEPT) -> None:
        self._processor = processor
        self.tokenizer = processor.tokenizer
        self._template = ChatTemplate(processor)
        self.image_token_ids = frozenset(image_token_ids(config, processor))
        self._placeholder_id: int | None = getattr(config, "image_token_id", None)
        # Only ever in the text between template and tokens, never in the model.
        self.tokenizer.add_tokens([MARKER], special_tokens=True)
        self._marker_id: int = self.tokenizer.convert_tokens_to_ids(MARKER)
        self._written_by_template = self._template_tokens()
        self._turn_begins_with = self._template.turn_begins_with()
        # Fast tokenizers are not safe to share between threads.
        self._one_at_a_time = threading.Lock()
        self._segment = lru_cache(maxsize=segments_kept)(self._make_segment)

    @property
    def settings(self) -> str:
        """Equal where the same conversations become the same tokens and features."""
        images: Any = getattr(self._processor, "image_processor", self._processor)
        return "\0".join(
            (
                self.tokenizer.backend_tokenizer.to_str(),
                self._template.source,
                repr(images),
                transformers.__version__,
            )
        )

    @property
    def first_unknown_id(self) -> int:
        """From here on a model's vocabulary holds no token of its tokenizer."""
        return self._marker_id

    def count_placeholders(self, ids: Sequence[int]) -> int:
        """How many features of images some tokens stand for."""
        return 0 if self._placeholder_id is None else ids.count(self._placeholder_id)

    def end_of_turn(self) -> int | None:
        """The token that the template ends turns with, if it is one."""
        after = self._template.text_of_trial().partition(MARKER)[2]
        ids = self.tokenizer.encode(f"{MARKER}{after}", add_special_tokens=False)
        first = int(ids[ids.index(self._marker_id) + 1])
        token = self.tokenizer.added_tokens_decoder.get(first)
        return first if token is not None and token.special else None

    def prompt(self, conversation: Sequence[Message]) -> Prompt:
        """The tokens of a conversation up to where the model's next turn begins.

        Raises: PolicyFault, when its images and their placeholders do not match.
        """
        try:
            return _in_a_row(self._pieces(conversation, self._segment))
        except ValueError as error:
            raise PolicyFault(f"the images of one episode do not fit together: {error}") from error

    def episode(self, conversation: Sequence[Message]) -> tuple[Prompt, list[tuple[int, int]]]:
        """The tokens of a conversation up to the end of the model's last turn, and where its
        own turns stand in them: [start, end) of each.

        Raises: PolicyFault, when its images and their placeholders do not match.
        """
        last = max(n for n, message in enumerate(conversation) if message.role == "assistant")
        try:
            pieces = self._pieces(conversation[: last + 1], self._segment, asks=False)
            whole = _in_a_row(pieces)
        except ValueError as error:
            raise PolicyFault(f"the images of one episode do not fit together: {error}") from error
        ends = list(accumulate(len(piece.ids) for piece in pieces))
        return whole, list(zip(ends[0::2], ends[1::2], strict=True))

    def turn_ids(self, text: str, *, ended: bool = True) -> tuple[int, ...]:
        """The tokens of a turn as a model would sample it to say a text.

        Raises: PolicyFault, when nothing ends a turn.
        """
        said = self._without_template_tokens(Message("assistant", (text,))).text
        if not said.startswith(self._turn_begins_with):  # as it does where a model wrote it
            said = self._turn_begins_with + said
        ids = self.tokenizer.encode(said, add_special_tokens=False)
        if not ended:
            return tuple(ids)
        end = self.end_of_turn()
        end = self.tokenizer.eos_token_id if end is None else end
        if end is None:
            raise PolicyFault("neither the chat template nor the tokenizer ends a turn")
        return (*ids, end)

    def unexpanded(self, conversation: Sequence[Message]) -> list[int]:
        """The same tokens with each image as the template writes it: for engines that put
        in its placeholders themselves."""
        return _in_a_row(self._pieces(conversation, self._unexpanded_segment)).ids

    def _pieces(
        self, conversation: Sequence[Message], segment: _Segment, *, asks: bool = True
    ) -> list[Prompt]:
        """What stands between the model's own turns, and these, one after the other; at the
        end, what asks for its next one."""
        pieces: list[Prompt] = []
        said = [n for n, message in enumerate(conversation) if message.role == "assistant"]
        begin = 0
        for end in (*said, len(conversation)) if asks else said:
            between = self._between(conversation[:begin], conversation[begin:end], segment)
            # A turn that ended itself is not ended a second time.
            ended_by = pieces[-1].ids[-1:] if pieces else []
            ended = bool(ended_by) and between.ids[:1] == ended_by
            pieces.append(_without_first(between) if ended else between)
            if end < len(conversation):
                pieces.append(Prompt(self._turn_ids(conversation[end], len(pieces) // 2)))
            begin = end + 1
        return pieces

    def _between(
        self, before: Sequence[Message], messages: Sequence[Message], segment: _Segment
    ) -> Prompt:
        """What stands between two turns of the model's own, or before the first."""
        clean = [self._without_template_tokens(message) for message in (*before, *messages)]
        text = self._template.text(clean)
        images = tuple(
            part for message in messages for part in message.parts if isinstance(part, EpisodeImage)
        )
        if before:
            text = f"{MARKER}{text.rpartition(MARKER)[2]}"
        return segment(text, images)

    def _make_segment(self, text: str, images: tuple[EpisodeImage, ...]) -> Prompt:
        pictures = [Image.open(io.BytesIO(image.shown)).convert("RGB") for image in images]
        with self._one_at_a_time:
            try:
                made = self._processor(
                    text=[text],
                    images=[pictures] if pictures else None,
                    return_tensors="pt",
                    add_special_tokens=self._adds_special_tokens(text),
                )
            except ValueError as error:
                raise PolicyFault(f"{len(images)} images cannot be put in: {error}") from error
        ids = made.pop("input_ids")
        made.pop("attention_mask", None)
        beside = {
            name: made.pop(name)[0].tolist()
            for name, value in list(made.items())
            if isinstance(value, torch.Tensor) and value.shape == ids.shape
        }
        for name, value in made.items():
            if isinstance(value, torch.Tensor) and value.shape[:2] == ids.shape:
                raise PolicyFault(f"{name} belongs to tokens: serve the model, and use openai:")
        tokens = ids[0].tolist()
        start = self._start(text, tokens)
        return Prompt(
            tokens[start:],
            {name: values[start:] for name, values in beside.items()},
            {name: value for name, value in made.items() if isinstance(value, torch.Tensor)},
            self.count_placeholders(tokens),
        )

    def _unexpanded_segment(self, text: str, images: tuple[EpisodeImage, ...]) -> Prompt:
        with self._one_at_a_time:
            tokens: list[int] = self.tokenizer.encode(
                text, add_special_tokens=self._adds_special_tokens(text)
            )
        return Prompt(tokens[self._start(text, tokens) :])

    def _start(self, text: str, tokens: Sequence[int]) -> int:
        """What stands before the marker, if anything, belongs to the beginning of a context."""
        return tokens.index(self._marker_id) + 1 if text.startswith(MARKER) else 0

    def _adds_special_tokens(self, text: str) -> bool:
        """Whether the tokenizer is to begin the text with what it begins texts with."""
        begins_with = self.tokenizer.bos_token
        written = begins_with is not None and text.startswith(begins_with)
        return not written and not text.startswith(MARKER)

    def _turn_ids(self, message: Message, number: int) -> list[int]:
        if message.token_ids is None:
            text = self._without_template_tokens(message).text
            ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
            return ids
        if strange := self.image_token_ids.intersection(message.token_ids):
            token = self.tokenizer.convert_ids_to_tokens(min(strange))
            raise PolicyFault(f"turn {number} holds {token}, which stands for an image: drop it")
        return list(message.token_ids)

    def _without_template_tokens(self, message: Message) -> Message:
        """A message whose text says nothing that only a template may say.

        A page of code in a picture, or a sample's own "<image>", would else become an
        image that is not there, or the end of the message.
        """
        parts = tuple(
            self._written_by_template.sub(_broken, part) if isinstance(part, str) else part
            for part in message.parts
        )
        return message if parts == message.parts else Message(message.role, parts)

    def _template_tokens(self) -> re.Pattern[str]:
        """Tokens that begin and end messages, and those of images."""
        trial = self._template.text_of_trial()
        ends = (self.tokenizer.bos_token, self.tokenizer.eos_token, self.tokenizer.pad_token)
        tokens = {
            token.content
            for number, token in self.tokenizer.added_tokens_decoder.items()
            if token.special
            and (token.content in trial or number in self.image_token_ids or token.content in ends)
        }
        tokens |= {getattr(self._processor, "image_token", None) or MARKER, MARKER}
        longest_first = sorted((token for token in tokens if len(token) > 1), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)))


def _broken(token: re.Match[str]) -> str:
    return f"{token[0][0]} {token[0][1:]}"


def _without_first(segment: Prompt) -> Prompt:
    return Prompt(
        segment.ids[1:],
        {name: values[1:] for name, values in segment.per_token.items()},
        segment.pixels,
        segment.placeholders,
    )


def _in_a_row(pieces: Sequence[Prompt]) -> Prompt:
    """Pieces as one; what no processor said anything of, a sampled turn, is of type 0: text."""
    names = dict.fromkeys(name for piece in pieces for name in piece.per_token)
    return Prompt(
        [token for piece in pieces for token in piece.ids],
        {
            name: [
                value
                for piece in pieces
                for value in piece.per_token.get(name, [0] * len(piece.ids))
            ]
            for name in names
        },
        joined([piece.pixels for piece in pieces if piece.pixels]),
        sum(piece.placeholders for piece in pieces),
    )
