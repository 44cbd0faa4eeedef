"""What pip prints, in plain words: what it is doing, and why it could not."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

_STEPS = (
    (re.compile(r"Collecting ([\w.-]+)"), "looking for {}"),
    (re.compile(r"Downloading ([^\s-]+)-\S+ \(([^)]+)\)"), "downloading {} ({})"),
    (re.compile(r"Using cached ([^\s-]+)-"), "taking {} from pip's cache"),
    (re.compile(r"Installing build dependencies"), "fetching what builds a package"),
    (re.compile(r"Building wheels? for ([\w.-]+) \("), "building {}"),
    (
        re.compile(r"INFO: pip is looking at multiple versions of ([\w.-]+)"),
        "trying versions of {}",
    ),
    (re.compile(r"Installing collected packages"), "installing"),
)
_CONFLICT = "The conflict is caused by:"
_REQUESTED = re.compile(r"The user requested (.+)")
_UNREACHABLE = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|Connection refused"
    r"|Temporary failure in name resolution|Network is unreachable"
)
_SAYS_NOTHING = re.compile(r"ResolutionImpossible|Could not find a version that satisfies")


def step_of(line: str) -> str:
    """ "  Downloading torch-2.15.0-cp311.whl (890.1 MB)" -> "downloading torch (890.1 MB)".

    "" for a line that does not tell what is going on.
    """
    for pattern, words in _STEPS:
        if found := pattern.match(line.strip()):
            return words.format(*found.groups())
    return ""


def why_it_failed(lines: Sequence[str]) -> str:
    """The reason in what pip printed, with the remedy where it is known: one line."""
    if causes := _causes_of_conflict(lines):
        return f"its requirements exclude each other: {'; '.join(causes)}; {_remedy(causes)}"
    errors = [line for line in lines if line.lower().startswith("error:")]
    telling = [line for line in errors if not _SAYS_NOTHING.search(line)] or errors or lines
    last = next((line.strip() for line in reversed(telling) if line.strip()), "pip said nothing")
    last = re.sub(r"^error:\s*", "", last, flags=re.IGNORECASE)
    if any(_UNREACHABLE.search(line) for line in lines):
        return f"the package index cannot be reached: {last}"
    return last


def _causes_of_conflict(lines: Sequence[str]) -> list[str]:
    """The indented lines below "The conflict is caused by:"."""
    after = itertools.dropwhile(lambda line: not line.startswith(_CONFLICT), lines)
    indented = itertools.takewhile(
        lambda line: line.startswith(" "), itertools.islice(after, 1, None)
    )
    return [_REQUESTED.sub(r"\1 is asked for", line.strip()) for line in indented]


def _remedy(causes: Sequence[str]) -> str:
    if any(cause.startswith("thinkimg-rpc") for cause in causes):
        return (
            "every worker needs what thinkimg-rpc depends on, so choose a version of the "
            "package that allows it"
        )
    return "loosen one of them"
