"""ChartQAPro's own metric."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence
from itertools import zip_longest

from rapidfuzz.distance import Levenshtein

from thinkimg_agent.sample import Sample
from thinkimg_eval.scorers.right_answers import best_score

TOLERANCE = 0.05
NEAREST = 0.5
"""Texts count as alike where less than this part of the letters differs."""
_UNREADABLE = (SyntaxError, ValueError, TypeError, MemoryError, RecursionError)
_UNQUOTED = re.compile(r"(?<!['\w])(\w[^,]*?)(?!['\w])")


def chartqapro_score(answer: str, sample: Sample) -> float:
    """The mean over the right answers, in order, of: 5% for numbers, ANLS for text, and the
    very same for years, which `sample.details["years"]` tells, one bool each.

    As https://github.com/vis-nlp/ChartQAPro and VLMEvalKit compute it; the exact match
    that the paper describes for facts and choices, they do not apply. Items that are
    missing, or too many, score 0.
    """
    years: Sequence[bool] = sample.details.get("years", ())
    return best_score(answer, sample, lambda said, right: _mean(said, right, years))


def _mean(said: str, right: str, years: Sequence[bool]) -> float:
    said = said.strip(".").strip("\n")
    wanted, given = _items(_quoted(right)) or [right], _items(said) or [said]
    flags = list(years) if len(years) >= len(wanted) else list(years) * len(wanted)
    scores = [
        0.0 if one is None or other is None else _alike(one, other, is_year)
        for one, other, is_year in _matched(given, wanted, flags)
    ]
    return sum(scores) / len(scores)


def _matched(
    given: list[str], wanted: list[str], flags: list[bool]
) -> list[tuple[str | None, str | None, bool]]:
    length = max(len(given), len(wanted))
    flags = [*flags, *[False] * length][:length]
    pairs = zip_longest(given, wanted)
    return [(one, other, flag) for (one, other), flag in zip(pairs, flags, strict=True)]


def _alike(said: str, right: str, is_year: bool) -> float:
    if is_year:
        return float(said.strip().lower() == right.strip().lower())
    said, right = (text.strip().strip("%").strip() for text in (said, right))
    number, truth = _number(said), _number(right)
    if number is None or truth is None:
        return _anls(said.lower(), right.lower())
    if truth == 0:
        return float(number == 0)
    return float(abs(number - truth) / abs(truth) <= TOLERANCE)


def _anls(said: str, right: str) -> float:
    """Unlike DocVQA's: a half of the letters different is too many."""
    plain = (" ".join(text.split()) for text in (said, right))
    differing = Levenshtein.normalized_distance(*plain)
    return 1 - differing if differing < NEAREST else 0.0


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _quoted(text: str) -> str:
    """A list as a person writes it, as Python would: [a, b] for ['a', 'b']."""
    inner = re.fullmatch(r"\[(.*)\]", text.strip())
    if inner is None:
        return text
    items = _UNQUOTED.sub(r"'\1'", inner[1])
    try:
        return str(ast.literal_eval(f"[{items}]"))
    except _UNREADABLE:
        return text


def _items(text: str) -> list[str] | None:
    """Those of a list as Python writes it; None if it is none, or empty."""
    try:
        parsed = ast.literal_eval(text)
    except _UNREADABLE:
        return None
    return [str(item).strip(" '") for item in parsed] if isinstance(parsed, list) else None
