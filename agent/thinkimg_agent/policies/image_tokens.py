"""Which tokens of a vocabulary stand for images, whatever a family calls them.

A model that sampled one would claim to see a picture that is not there, and a
trainer would look for its pixels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_NAME = re.compile(r"image|img|video|vision|audio|frame|boi_|eoi_")
_ID = re.compile(r"_(id|ids|index)$")
# "<|im_start|>" begins a message, not an image.
_TOKEN = re.compile(r"image|img|video|vision|audio|row_\d+_col_\d+", re.IGNORECASE)


def image_token_ids(config: Any, processor: Any) -> list[int]:
    """The placeholders of images (and of video and sound), and what is written around them:
    beginnings, ends, rows, tiles."""
    tokenizer = processor.tokenizer
    known = {
        *_named(vars(config)),
        *_named(vars(processor)),
        *(one for one in getattr(processor, "image_token_ids", ()) if isinstance(one, int)),
        *(
            number
            for number, token in tokenizer.added_tokens_decoder.items()
            if token.special and _TOKEN.search(token.content)
        ),
    }
    return sorted(known)


def _named(values: dict[str, Any]) -> Iterator[int]:
    for name, value in values.items():
        if _NAME.search(name) and _ID.search(name):
            found = value if isinstance(value, list | tuple) else [value]
            yield from (one for one in found if _is_token(one))


def _is_token(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
