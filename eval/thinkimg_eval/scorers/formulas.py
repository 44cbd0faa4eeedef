"""Whether two texts are the same number or formula, by the math-verify library.

In a process of its own: the library's time limit is an alarm signal, which only a main
thread can have, and an answer such as 9^9^9^9 asks for more time and memory than any
scorer may take. So the result is the same on every thread.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import threading

MAX_CHARACTERS = 200
"""What is longer is no formula."""
DEADLINE_S = 10.0
"""Beyond the library's own limits, for what an alarm does not reach."""


def same_formula(said: str, right: str) -> bool:
    """Whether both read as the same mathematics: 0.5 and 1/2, 1,000 and 1000.

    False for what is too long, or takes seconds to work out.
    """
    if max(len(said), len(right)) > MAX_CHARACTERS:
        return False
    return _CHECKER.same(said, right)


class _Checker:
    """The process, started at the first question and again when it had to be ended."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def same(self, said: str, right: str) -> bool:
        question = json.dumps([right, said])
        with self._turn:
            try:
                # A process that has died did so at an earlier question, as a rule.
                answer = self._ask(question) or self._ask(question)
            except TimeoutError:
                self._end()
                return False
            return answer == b"1"

    def _ask(self, question: str) -> bytes:
        """One byte, or none when the process has died. Raises: TimeoutError."""
        if self._process is None:
            self._process = _started()
        try:
            answer = self._exchange(question)
        except BrokenPipeError:
            answer = b""
        if not answer:
            self._end()
        return answer

    def _exchange(self, question: str) -> bytes:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(question.encode() + b"\n")
        self._process.stdin.flush()
        answers = self._process.stdout.fileno()
        ready, _, _ = select.select([answers], [], [], DEADLINE_S)
        if not ready:
            raise TimeoutError
        return os.read(answers, 1)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def close(self) -> None:
        self._end()

    def forget(self) -> None:
        """After a fork: the other process's is not to be spoken to."""
        self._turn = threading.Lock()
        self._process = None


def _started() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "thinkimg_eval.scorers.formula_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


_CHECKER = _Checker()
atexit.register(_CHECKER.close)
os.register_at_fork(after_in_child=_CHECKER.forget)
