"""How well words fit a panel's title, or else what is written in it: OCR reads with errors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

_ALIKE = 0.75
"""Words that agree in so much of their letters are the same word, misread or inflected."""
_ELSEWHERE = 0.6
"""What a word counts that is in the panel, but not in its title."""


def plain(text: str) -> str:
    """Letters, digits and single spaces, in lower case; without a leading "(b)"."""
    unlettered = re.sub(r"^\s*\(?[a-z][).:]\s+", "", text.casefold())
    return " ".join(words_of(unlettered))


def words_of(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def is_title(text: str, title: str) -> float:
    """How surely a whole text is a title, or a good part of it: 0 to 1."""
    said, known = plain(text), plain(title)
    if not said or not known:
        return 0.0
    likeness = alike(said, known)
    if f" {said} " in f" {known} " and (" " in said or len(said) > 3):
        return max(likeness, 0.9 + 0.1 * len(said) / len(known))
    # OCR loses spaces.
    return max(likeness, alike(said.replace(" ", ""), known.replace(" ", "")))


def fit_of_words(words: Sequence[str], title: str, others: Iterable[str]) -> float:
    """Which part of the words is in the title, or counting less elsewhere in the panel: 0 to 1."""
    in_title = words_of(plain(title))
    elsewhere = [word for text in others for word in words_of(text)]
    joined = "".join(in_title)
    found = 0.0
    for word in words:
        here = max((alike(word, other) for other in in_title), default=0.0)
        if len(word) > 3 and word in joined:
            here = 1.0
        there = max((alike(word, other) for other in elsewhere), default=0.0)
        found += max(
            here if here >= _ALIKE else 0.0, _ELSEWHERE * there if there >= _ALIKE else 0.0
        )
    return found / len(words) if words else 0.0


def alike(one: str, other: str) -> float:
    """Which part of two texts agrees, 0 to 1; short ones must agree wholly."""
    if one == other:
        return 1.0
    if min(len(one), len(other)) < 4:
        return 0.0
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
