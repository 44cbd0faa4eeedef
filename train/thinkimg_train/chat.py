"""The tokens of a model's conversations, for processes that make samples."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import transformers

from thinkimg_agent.policies import PolicyFault
from thinkimg_agent.policies.chat_tokens import ChatTokens
from thinkimg_rpc.errors import InvalidRequest


@lru_cache(maxsize=2)
def chat_of(model: str, *, segments_kept: int = 0) -> ChatTokens:
    """Of the model in a folder or the Hugging Face cache, once in each process.

    Its tokenizer is its own: it holds a token that the model does not have.

    Args:
        segments_kept: of conversations, with their images, that are asked for again. Samples
            of a data set share none, and those of a few large images fill a memory.

    Raises: InvalidRequest.
    """
    loader: Any = transformers.AutoProcessor
    try:
        processor = loader.from_pretrained(model)
        config = transformers.AutoConfig.from_pretrained(model)
        return ChatTokens(processor, config, segments_kept=segments_kept)
    except (OSError, ValueError, KeyError, ImportError, PolicyFault) as error:
        words = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InvalidRequest.field("model.path", f"{model} cannot be loaded: {words}") from error


def padding_of(chat: ChatTokens) -> int:
    """The token that rows are filled up with."""
    tokenizer = chat.tokenizer
    found = tokenizer.pad_token_id
    found = tokenizer.eos_token_id if found is None else found
    return 0 if found is None else int(found)
