"""Words and numbers of texts: what an observation told, and what was made of it."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any, NamedTuple

_TERM = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?|[^\W\d_]{2,}")
_NUMBER = re.compile(r"-?\d")
_SAYS_SO = re.compile(r"answer(?:\s+\w+){0,2}\s*(?:is|:|=)\s*[\"'*]*")


class Place(NamedTuple):
    """A box that an observation told, in whatever numbers its dialect counts."""

    x0: float
    y0: float
    x1: float
    y1: float
    said: frozenset[str]
    """The terms that stand there."""

    def holds_middle_of(self, other: Place) -> bool:
        x, y = (other.x0 + other.x1) / 2, (other.y0 + other.y1) / 2
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1


def terms(text: str) -> frozenset[str]:
    """The words of two letters or more, and the numbers, of a text."""
    return frozenset(_plain_term(found[0]) for found in _TERM.finditer(plain(text)))


def told_by(observation: str) -> frozenset[str]:
    """The terms of an observation: of its values, not of the names of its fields."""
    try:
        value = json.loads(observation)
    except ValueError:
        return terms(observation)
    return frozenset(term for leaf in _leaves(value) for term in terms(leaf))


def places_told_by(observation: str) -> list[Place]:
    """The boxes in an observation, with what is said of each."""
    try:
        value = json.loads(observation)
    except ValueError:
        return []
    return list(_places(value))


def numbers(found: frozenset[str]) -> frozenset[str]:
    """Those of some terms that are numbers."""
    return frozenset(term for term in found if _NUMBER.match(term))


def says(text: str, answer: str) -> bool:
    """Whether a text has the answer in it, as words of their own.

    What is said for other reasons all the time, "yes" or a small number, has to be
    called the answer.
    """
    said, wanted = plain(text), plain(answer)
    if not wanted:
        return False
    end = r"(?!\w|[.,]\d)"
    if _is_common(wanted):
        return re.search(f"{_SAYS_SO.pattern}{re.escape(wanted)}{end}", said) is not None
    return re.search(rf"(?<![\w.,-]){re.escape(wanted)}{end}", said) is not None


def plain(text: str) -> str:
    """A text without what does not matter: case, spacing, the form of characters."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def is_number(answer: str) -> bool:
    """Whether an answer is one number, its unit aside."""
    return len(numbers(terms(answer))) == 1


def _is_common(answer: str) -> bool:
    return answer in ("yes", "no", "true", "false") or len(answer) == 1 or answer == "10"


def _plain_term(term: str) -> str:
    return f"{float(term.replace(',', '')):g}" if _NUMBER.match(term) else term


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from _leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _places(value: Any) -> Iterator[Place]:
    if isinstance(value, list):
        for one in value:
            yield from _places(one)
    elif isinstance(value, dict):
        box = value.get("box")
        if isinstance(box, list) and len(box) == 4 and all(isinstance(n, int | float) for n in box):
            x0, y0, x1, y1 = map(float, box)
            yield Place(x0, y0, x1, y1, terms(str(value.get("text", ""))))
        for one in value.values():
            yield from _places(one)
