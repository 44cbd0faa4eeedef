"""How limits and values are put into words, alike on both ends of the wire."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from thinkimg_rpc.contract.names import near_names

_SHOWN_CHARACTERS = 40


def number(value: float) -> str:
    """A number without a needless `.0`, and NaN and infinity by name."""
    if isinstance(value, int):
        huge = abs(value) >= 10**20
        return f"about {'-' * (value < 0)}1e{math.log10(abs(value)):.0f}" if huge else str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def quoted(text: str) -> str:
    """A text in double quotes, control characters escaped, cut if it is long."""
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def span(low: float | None, high: float | None) -> str:
    """Limits in words: "0.1 to 8", "at least 0", "at most 8", or "" where there are none."""
    if low is not None and high is not None:
        return f"{number(low)} to {number(high)}"
    if low is not None:
        return f"at least {number(low)}"
    return f"at most {number(high)}" if high is not None else ""


def out_of_span(value: float, low: float | None, high: float | None) -> str:
    """What is wrong with a number outside its limits, or not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"must be a finite number, got {number(value)}"
    wanted = span(low, high)
    wanted = wanted if wanted.startswith("at") else f"from {wanted}"
    return f"must be {wanted}, got {number(value)}"


def too_long(length: int, limit: int, unit: str) -> str:
    return f"must be at most {limit} {unit} long, got {length}"


def too_many(count: int, limit: int) -> str:
    return f"must have at most {limit} items, got {count}"


def not_among(value: str, choices: Sequence[str]) -> str:
    """What is wrong with a text outside a closed set."""
    listed = f"must be one of {', '.join(choices)}, not {quoted(value)}"
    near = near_names(value, choices, limit=1)
    return f"{listed} (did you mean {near[0]}?)" if near else listed


def unknown_field(name: str, fields: Iterable[str]) -> str:
    """What is wrong with a field that the message does not have."""
    known = list(fields)
    near = near_names(name, known, limit=1)
    question = f"did you mean {near[0]}? " if near else ""
    return f"unknown field ({question}the fields are {', '.join(known)})"


def missing(help_text: str, problem: str = "required") -> str:
    """What is wrong where a required field is absent; its help says what to give."""
    meaning = help_text.strip().rstrip(".")
    return f"{problem} ({meaning})" if meaning else problem


def kind_of(value: Any) -> str:
    """What a JSON value is, in words: `the text "5"`, `null`, `an object`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {number(value)}"
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    return "a list" if isinstance(value, list) else "an object"
