"""What a policy is measured on: questions, and how answers to them are scored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from thinkimg_agent.sample import Sample

Scorer = Callable[[str, Sample], float | Awaitable[float]]
"""The score of an answer, 0 to 1, given the sample with its truth. An episode
without an answer is never asked about: it scores 0. Most are plain functions of
`thinkimg_eval.scorers`, called in a thread; one that asks a model is a coroutine function."""


@dataclass(frozen=True)
class Task:
    """A named set of questions.

    A task is one function that returns this, found through the entry point group
    `thinkimg.tasks`; its keyword arguments are the task's options.
    """

    name: str
    version: str
    """Raised when the same answers would score otherwise."""
    samples: Sequence[Sample]
    """Indexed with whole numbers; each may be made when it is asked for, the same each time."""
    scorer: Scorer
    tools: tuple[str, ...] = ()
    """Offered by name; all that the mesh has if empty."""
    apart: tuple[str, ...] = ()
    """Categories that ask for more than the task is about. They count in its accuracy;
    that of all others is told beside it."""
    prompt: str = ""
    """Put after each question, such as the form an answer must have."""
