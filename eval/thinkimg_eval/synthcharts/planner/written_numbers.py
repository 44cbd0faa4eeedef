"""Numbers as charts write them: "1,200", "-3.5 %", "$2k", and as OCR misreads them."""

from __future__ import annotations

import re

_NUMBER = re.compile(
    r"""
    (?P<sign>[-+\u2212\u2013]?)\s*
    [$€£¥]?\s*
    (?P<digits>\d{1,3}(?:[,\s]\d{3})+(?:\.\d+)?|\d*\.?\d+)
    (?P<power>[eE][-+]?\d+)?
    \s*(?P<suffix>[kKmMbB]|[^\w\s]{0,2})
    """,
    re.VERBOSE,
)
_TIMES = {"k": 1e3, "m": 1e6, "b": 1e9}
_MISREAD = str.maketrans({"O": "0", "o": "0", "l": "1", "I": "1", "|": "1", "S": "5", "B": "8"})


def number_in(text: str) -> float | None:
    """The number that a text is, with its unit or sign; None if it is something else."""
    text = re.sub(r"(?<=\d)\s*\.\s*(?=\d)", ".", text.strip().strip("()"))
    found = _NUMBER.fullmatch(text)
    if found is None and sum(map(str.isdigit, text)) * 2 >= len(text):
        found = _NUMBER.fullmatch(text.translate(_MISREAD))
    if found is None:
        return None
    suffix = found["suffix"]
    value = float(re.sub(r"[,\s]", "", found["digits"]) + (found["power"] or ""))
    if len(suffix) == 1 and suffix.isalpha():
        value *= _TIMES.get(suffix.lower(), 1.0)
    return -value if found["sign"] in ("-", "\u2212", "\u2013") else value


def write_number(value: float, decimals: int) -> str:
    """A number in as few characters as say it: "12", "0.5", never "1e+06"."""
    text = f"{value:.{max(0, decimals)}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
