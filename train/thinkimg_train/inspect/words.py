"""Tokens as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

_UNFINISHED = "\ufffd"
"""What a part of a letter is decoded to."""
_LONGEST_LETTER = 8
"""Tokens that one letter can take."""


class TokenWords:
    """The words of a model's tokens, each by itself, spaces included."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        # Some tokenizers drop the space that a text begins with.
        self._before: list[int] = tokenizer.encode("a", add_special_tokens=False)[-1:]
        self._before_text = self._decoded(tuple(self._before))
        self.of = lru_cache(maxsize=1 << 16)(self._of)

    def of_all(self, ids: Sequence[int]) -> list[str]:
        """A text for each token; a letter of several tokens stands at the first of them."""
        texts: list[str] = []
        at = 0
        while at < len(ids):
            text, taken = self.of((ids[at],)), 1
            if text.endswith(_UNFINISHED):
                for more in range(2, min(_LONGEST_LETTER, len(ids) - at) + 1):
                    longer = self.of(tuple(ids[at : at + more]))
                    if not longer.endswith(_UNFINISHED):
                        text, taken = longer, more
                        break
            texts += [text, *[""] * (taken - 1)]
            at += taken
        return texts

    def _of(self, ids: tuple[int, ...]) -> str:
        return self._decoded((*self._before, *ids))[len(self._before_text) :]

    def _decoded(self, ids: tuple[int, ...]) -> str:
        text: str = self._tokenizer.decode(
            list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return text
