"""Games as tasks: how high is the picture? Policies are shown all of them in one size, and
the tool sees what they are."""

from __future__ import annotations

import cv2
import numpy as np

from thinkimg_agent.sample import Sample
from thinkimg_eval.scorers import exact
from thinkimg_eval.task import Task

HEIGHTS = (56, 84, 112, 140)
NO_HEIGHT = 28
"""Of no picture, so that who believes the tool never says it."""


def only_the_tool_wins(*, questions: int = 8) -> Task:
    """Right is what the tool says; without it there are four to guess from."""
    return Task("height", "1", [_sample(n) for n in range(questions)], exact, tools=("Echo",))


def the_tool_misleads(*, questions: int = 8) -> Task:
    """Right is what the tool never says."""
    samples = [_sample(n, str(NO_HEIGHT)) for n in range(questions)]
    return Task("misled", "1", samples, exact, tools=("Echo",))


def _sample(number: int, truth: str = "") -> Sample:
    height = HEIGHTS[number % len(HEIGHTS)]
    image = cv2.imencode(".png", np.zeros((height, height, 3), np.uint8))[1].tobytes()
    return Sample(f"q{number}", "?", (image,), truth or str(height))
