"""Which tokens end a turn, and which a model never samples."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from thinkimg_agent.policies.chat_tokens import ChatTokens


def end_tokens(chat: ChatTokens, recommended: Any) -> frozenset[int]:
    """What ends a turn: all that a checkpoint, its tokenizer and its template say.

    `recommended` is the checkpoint's generation config.
    """
    said = recommended.eos_token_id
    ends = said if isinstance(said, list) else [said]
    more = (chat.tokenizer.eos_token_id, chat.end_of_turn())
    return frozenset(end for end in (*ends, *more) if end is not None)


def never_sampled(chat: ChatTokens, vocabulary: int, ends: Set[int]) -> list[int]:
    """Tokens of images, and those out of a model's `vocabulary` that its tokenizer does not
    know. A trainer rules them out too, or its probabilities would not be the sampler's."""
    unknown = range(chat.first_unknown_id, vocabulary)
    return sorted({*chat.image_token_ids, *unknown} - ends)
