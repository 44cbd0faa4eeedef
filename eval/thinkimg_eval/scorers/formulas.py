"""Whether two texts are the same number or formula, by the math-verify library."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

TIMEOUT_S = 2
MAX_CHARACTERS = 200
"""What is longer is no formula, and reading it could take seconds."""
_UNBOUNDED = re.compile(r"\^|\*\*|!")
"""What can stand for a number too long to work out."""


def same_formula(said: str, right: str) -> bool:
    """Whether both read as the same mathematics: 0.5 and 1/2, 1,000 and 1000.

    The library's time limit is an alarm signal, which only the main thread can have;
    on another thread, powers and factorials are not worked out.
    """
    # It takes half a second to import, and most tasks never need it.
    from math_verify import parse, verify

    if max(len(said), len(right)) > MAX_CHARACTERS:
        return False
    timeout_s = TIMEOUT_S if threading.current_thread() is threading.main_thread() else None
    if timeout_s is None and _UNBOUNDED.search(said + right):
        return False
    with _alarm_given_back():
        parsed = [parse(f"${text}$", parsing_timeout=timeout_s) for text in (right, said)]
        return bool(verify(*parsed, timeout_seconds=timeout_s))


@contextmanager
def _alarm_given_back() -> Iterator[None]:
    """The library cancels any alarm that was set before it."""
    left_s, every_s = signal.getitimer(signal.ITIMER_REAL)
    try:
        yield
    finally:
        if left_s and threading.current_thread() is threading.main_thread():
            signal.setitimer(signal.ITIMER_REAL, left_s, every_s)
