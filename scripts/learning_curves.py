"""The curves of `make repro`: accuracy and tool calls of reinforcement learning, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from thinkimg_train.logbook import NUMBERS, read_numbers

WINDOW = 10
"""Steps that each point is the mean of."""
_SHOWN = {
    "accuracy": "accuracy of the step's episodes",
    "calls": "tool calls an episode",
    "distinct_tools": "different tools an episode",
}


def draw_curves(arms: Mapping[str, Sequence[Path]], picture: Path) -> None:
    """Draw each run of each arm, thin, and the mean of an arm's runs.

    Args:
        arms: by name, the folders of `thinkimg train grpo`.
    """
    with _panels(picture, (12, 3.6), len(_SHOWN)) as every:
        for axes, (number, title) in zip(every, _SHOWN.items(), strict=True):
            _draw_all(axes, arms, number)
            axes.set(title=title, xlabel="step", ylim=(0, None))
        every[0].legend()


def draw_losses(kinds: Mapping[str, Sequence[Path]], picture: Path) -> None:
    """Draw the loss of each run of each kind of fine-tuning.

    Args:
        kinds: by name, the folders of `thinkimg train sft`.
    """
    with _panels(picture, (6, 3.6), 1) as [axes]:
        _draw_all(axes, kinds, "loss")
        axes.set(xlabel="step", ylabel="loss of a token", yscale="log")
        axes.legend()


@contextmanager
def _panels(picture: Path, size: tuple[float, float], count: int) -> Iterator[Sequence[Axes]]:
    """Panels side by side, in a picture of so many inches that is written at the end."""
    with mpl.rc_context({"font.family": "DejaVu Sans", "font.size": 10}):
        figure = Figure(figsize=size, dpi=110, layout="constrained")
        canvas: Any = FigureCanvasAgg(figure)
        yield figure.subplots(1, count, squeeze=False)[0]
        picture.parent.mkdir(parents=True, exist_ok=True)
        canvas.print_figure(str(picture))


def _draw_all(axes: Axes, kinds: Mapping[str, Sequence[Path]], number: str) -> None:
    """One number of every run, a color for each kind."""
    for color, (name, runs) in enumerate(kinds.items()):
        _draw(axes, [curve_of(run, number) for run in runs], name, f"C{color}")
    axes.grid(alpha=0.3)


def curve_of(run: Path, number: str) -> NDArray[np.float64]:
    """(S,) One number of each step of a run."""
    lines = [line for line in read_numbers(run / NUMBERS) if number in line]
    return np.array([line[number] for line in lines], np.float64)


def smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S,) The mean of each and those before it, as many as there are, up to WINDOW."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - WINDOW)
    mean: NDArray[np.float64] = (sums[ends] - sums[starts]) / (ends - starts)
    return mean


def _draw(axes: Axes, curves: Sequence[NDArray[np.float64]], name: str, color: str) -> None:
    smoothed = [smooth(one) for one in curves]
    steps = min(map(len, smoothed))
    for one in smoothed:
        axes.plot(np.arange(1, len(one) + 1), one, color=color, linewidth=0.7, alpha=0.5)
    mean = np.mean([one[:steps] for one in smoothed], axis=0)
    axes.plot(np.arange(1, steps + 1), mean, color=color, linewidth=2, label=name)
