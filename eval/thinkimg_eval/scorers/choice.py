"""Multiple choice: the letter of a choice, or its words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from thinkimg_agent.sample import Sample
from thinkimg_eval.scorers.exact import plain
from thinkimg_eval.scorers.right_answers import best_score

_LETTERED = re.compile(
    r"(?:(?:option|choice)\s+)?(?:\((?P<enclosed>[A-Z])\)|(?P<bare>[A-Z])(?=[\s.:)]|$))"
    r"[.:)]?\s*(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)


def choice(answer: str, sample: Sample) -> float:
    """1 if the answer names the right choice and no other.

    The choices, in order from A, are `sample.details["choices"]`; the truth is a
    letter or the words of a choice. "B", "(b)", "B.", "Option B", "B. a dog" and
    "a dog" all name the second of cat and dog; "B. a cat" names none. Without
    choices in the details, letters are compared, then words.
    """
    choices: Sequence[str] = sample.details.get("choices", ())

    def same(said: str, right: str) -> float:
        if plain(said) == plain(right):
            return 1.0
        chosen = _chosen(said, choices)
        return float(chosen is not None and chosen == _chosen(right, choices))

    return best_score(answer, sample, same)


def _chosen(text: str, choices: Sequence[str]) -> int | None:
    """Which choice a text names, counted from 0; None if none, or two."""
    words = [plain(one) for one in choices]
    if plain(text) in words:
        return words.index(plain(text))
    lettered = _LETTERED.fullmatch(text.strip())
    if lettered is None:
        return None
    index = ord((lettered["enclosed"] or lettered["bare"]).upper()) - ord("A")
    if words and index >= len(words):
        return None
    rest = plain(lettered["rest"])
    return index if not rest or (words and rest == words[index]) else None
