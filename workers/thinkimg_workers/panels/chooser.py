"""What decides which of a figure's panels are meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import cv2

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.settings import ModelSettings
from thinkimg_workers.backends import Backend
from thinkimg_workers.panels.descriptions import Fit, fitting, inventory
from thinkimg_workers.panels.places import Layout

CHOOSERS = (
    Backend(
        "openai",
        loads="thinkimg_workers.panels.endpoint:EndpointChooser",
        modules=("httpx",),
        install='"thinkimg-rpc[serve]"',
        asks_endpoint=True,
    ),
    Backend("classical", loads="thinkimg_workers.panels.chooser:ClassicalChooser"),
)
"""In the order of preference. The panels are found in the same way for all."""


@dataclass(frozen=True)
class Question:
    """A figure, its panels, and the description of some of them."""

    pixels: Pixels
    layout: Layout
    description: str
    remaining_s: Callable[[], float | None]
    """How long the caller still waits. Raises: DeadlineExceeded, Cancelled."""


@dataclass(frozen=True)
class Choice:
    """The panels that are meant, best first; if there are none, why."""

    fits: Sequence[Fit]
    message: str = ""


class Chooser(Protocol):
    """Called from several threads at a time."""

    name: str
    """What it is, with its version."""

    def choose(self, question: Question) -> Choice:
        """Of a figure with one panel or more. Raises: MeshFault, CallerError."""
        ...


class ClassicalChooser:
    """Compares the description with the places and the titles of the panels."""

    def __init__(self, _settings: ModelSettings, _place: Path | None) -> None:
        self.name = f"classical, opencv {cv2.__version__}, rapidocr {version('rapidocr')}"

    def choose(self, question: Question) -> Choice:
        fits = fitting(question.layout, question.description)
        if fits:
            return Choice(fits)
        return Choice((), no_fit(question, "describe one by its place, number, letter or title"))


def no_fit(question: Question, remedy: str) -> str:
    """Which panels there are, for one whose description fits none."""
    said = question.description
    quoted = said if len(said) <= 100 else f"{said[:99]}…"
    return f'no panel fits "{quoted}"; {inventory(question.layout)}; {remedy}'
