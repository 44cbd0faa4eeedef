"""The answer within what a model wrote as its answer."""

from __future__ import annotations

import re

_TAG = re.compile(r"<answer>(.*?)</answer>", re.DOTALL | re.IGNORECASE)
_SAID = re.compile(
    r"(?:(?:so|thus|hence|therefore),?\s+)?(?:(?:the|my)\s+)?(?:(?:final|correct)\s+)?"
    r"answer(?:\s*[:=]|\s+is(?:\s*:|\s))\s*(?P<answer>\S.*)",
    re.IGNORECASE,
)
_MARKS = ("**", "`", '"', "$")
_BOXED = r"\boxed{"


def extract(text: str) -> str:
    """The answer itself, where the text around it plainly says which part it is.

    In this order: the last `<answer>…</answer>`; the last `\\boxed{…}`; a last line
    that starts with "The answer is" or "Answer:". Then one pair of marks around all
    of it (**bold**, `code`, "quotes", $maths$) and one full stop at the end go. Any
    other text is the answer as it stands: nothing is searched for in prose. Never
    empty unless the text is blank.
    """
    text = text.strip()
    return _bare(_tagged(text) or _boxed(text) or _said(text) or text)


def _tagged(text: str) -> str:
    found = _TAG.findall(text)
    return _bare(found[-1].strip()) if found else ""


def _boxed(text: str) -> str:
    """What stands between the braces of the last box, if they close."""
    start = text.rfind(_BOXED)
    if start < 0:
        return ""
    depth = 1
    for position in range(start + len(_BOXED), len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if not depth:
            return text[start + len(_BOXED) : position].strip()
    return ""


def _said(text: str) -> str:
    last = text.splitlines()[-1].strip() if text else ""
    # A bold line, or a bold "Answer:".
    said = _SAID.fullmatch(last.replace("**", ""))
    return said["answer"].strip() if said else ""


def _bare(text: str) -> str:
    """Without the full stop and the marks around it."""
    text = _without_stop(text)
    for mark in _MARKS:
        inner = text.removeprefix(mark).removesuffix(mark).strip()
        around = len(text) > 2 * len(mark) and text.startswith(mark) and text.endswith(mark)
        if around and inner and mark not in inner:
            return _without_stop(inner)
    return text


def _without_stop(text: str) -> str:
    return text.removesuffix(".").rstrip() or text
