"""A task as a user writes one, in a file of its own: which of three numbers is meant?"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import cv2
import numpy as np

from thinkimg_agent.sample import Sample
from thinkimg_eval.scorers import exact
from thinkimg_eval.task import Task


def tiny(
    *, questions: int = 12, seed: int = 0, share: float = 0.5, note: Path | None = None
) -> Task:
    """Guess the number. Each process that opens it leaves its rank in $TINY_TASK_RANKS."""
    if ranks := os.environ.get("TINY_TASK_RANKS"):
        (Path(ranks) / os.environ.get("RANK", "none")).touch()
    return Task("tiny", "1", [_sample(n, seed) for n in range(questions)], exact, tools=("Crop",))


def other(*, seed: int = 0) -> Task:
    """Guess fewer numbers."""
    return Task("other", "3", [_sample(n, seed) for n in range(4)], exact, tools=("Crop",))


def together(*, episodes: int = 3) -> Task:
    """Answers are scored once so many wait for it, and never more."""
    barrier = asyncio.Barrier(episodes)

    async def score(answer: str, sample: Sample) -> float:
        assert barrier.n_waiting < episodes
        await barrier.wait()
        return 1.0

    return Task("together", "1", [_sample(n, 0) for n in range(12)], score, tools=("Crop",))


def nothing() -> int:
    """Not a task at all."""
    return 0


def _sample(number: int, seed: int) -> Sample:
    pixels = np.full((6, 8, 3), number // 4 % 256, np.uint8)
    data = cv2.imencode(".png", pixels)[1].tobytes()
    truth = str((number + seed) % 3)
    category = "even" if number % 2 == 0 else "odd"
    return Sample(f"tiny-{number}", f"Number {number}?", (data,), truth, category=category)
