"""The process behind `formulas`: a line in, [right, said] as JSON; a byte out, 1 if same."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys

from math_verify import parse, verify

TIMEOUT_S = 2
MAX_MEMORY_BYTES = 2 << 30


def main() -> None:
    """Answer until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    # Ctrl-C is for the process that asks.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.dup(1)
    # Nothing that a library prints may pass for an answer.
    os.dup2(2, 1)
    for line in sys.stdin:
        right, said = json.loads(line)
        os.write(answers, b"1" if _same(said, right) else b"0")


def _same(said: str, right: str) -> bool:
    try:
        parsed = [parse(f"${text}$", parsing_timeout=TIMEOUT_S) for text in (right, said)]
        return bool(verify(*parsed, timeout_seconds=TIMEOUT_S))
    except MemoryError:
        return False


if __name__ == "__main__":
    main()
