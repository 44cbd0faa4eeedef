"""Painting panels of numbers onto a figure, and measuring what came of it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal, cast

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text

from thinkimg_eval.charts.bars import draw_bars
from thinkimg_eval.charts.drawn import Drawn, measured, text_drawn
from thinkimg_eval.charts.elements import Chart
from thinkimg_eval.charts.legends import add_legend, legend_drawn
from thinkimg_eval.charts.lines import draw_lines
from thinkimg_eval.charts.numbers import Numbers
from thinkimg_eval.charts.pies import draw_pie
from thinkimg_eval.charts.scatter import draw_scatter
from thinkimg_eval.charts.styles import LegendPlace, Look, matplotlib_settings

_DPI = 100.0
_LETTER = 0.62
"""Width of a letter by the size of its font, on average and a bit more."""


@dataclass(frozen=True)
class Sheet:
    """The size of the picture and of its letters, in pixels."""

    width: int
    height: int
    font_px: float
    rows: int = 1
    columns: int = 1

    @property
    def letters(self) -> int:
        """About how many letters of usual size fit beside each other in a plot area."""
        return int(self.width / self.columns * 0.75 / (_LETTER * self.font_px))


@dataclass(frozen=True)
class Scale:
    """What an axis shows, and every how much there is a tick, counted from `low`."""

    low: float
    top: float
    step: float

    @property
    def ticks(self) -> list[float]:
        count = int((self.top - self.low) / self.step + 1e-9) + 1
        return [round(self.low + index * self.step, 10) for index in range(count)]


class Painting:
    """A figure in the making. Everything happens within `settings`."""

    def __init__(self, sheet: Sheet, look: Look) -> None:
        self._sheet = sheet
        self._look = look
        # Half a pixel more, because matplotlib cuts off what is not whole.
        size = ((sheet.width + 0.5) / _DPI, (sheet.height + 0.5) / _DPI)
        self._figure = Figure(figsize=size, layout="constrained")
        self._canvas: Any = FigureCanvasAgg(self._figure)  # matplotlib has it untyped
        self._places = list(self._figure.subplots(sheet.rows, sheet.columns, squeeze=False).flat)
        self._panels: list[tuple[Axes, Numbers, Legend | None]] = []
        self._drawn: list[Drawn] = []

    @staticmethod
    @contextmanager
    def settings(sheet: Sheet, look: Look) -> Iterator[None]:
        """matplotlib's own defaults and the look: what a user has set must not show."""
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            own = matplotlib_settings(look, sheet.font_px, _DPI)
            matplotlib.rcParams.update(cast(Any, own))
            yield

    @property
    def places(self) -> int:
        """How many panels there are to be."""
        return len(self._places)

    def add_panel(
        self,
        numbers: Numbers,
        *,
        labelled: bool = False,
        legend: LegendPlace | None = None,
        scale: Scale | None = None,
        x_scale: Scale | None = None,
    ) -> None:
        """The next panel, from the top left.

        Args:
            labelled: with the names of a pie's wedges beside them.
            scale: of the axis of values; what matplotlib thinks fit if None.
            x_scale: of the other axis of a scatter chart.
        """
        axes: Axes = self._places[len(self._panels)]
        look = self._look
        drawn = _contents(axes, numbers, look, self._sheet.font_px, labelled)
        if numbers.kind != "pie":
            axes.set_xlabel(numbers.x_label)
            axes.set_ylabel(textwrap.fill(numbers.y_label, 28))
            for side, spine in axes.spines.items():
                spine.set_visible(side in look.spines)
            if look.grid != "none":
                axes.grid(axis=look.grid)
        lying = numbers.kind == "horizontal_bar"
        for side, each in (("x" if lying else "y", scale), ("x", x_scale)):
            if each is not None:
                _set_scale(axes, "x" if side == "x" else "y", each)
        drawn_legend = None
        if legend is not None:
            drawn_legend = add_legend(axes, numbers, look, drawn, legend)
        index = len(self._panels)
        self._drawn += [replace(one, panel=index) for one in drawn]
        self._panels.append((axes, numbers, drawn_legend))

    def add_title(self, title: str) -> None:
        """Above the last panel."""
        axes, _, _ = self._panels[-1]
        axes.set_title(
            textwrap.fill(title, max(12, int(self._sheet.letters / 1.3))),
            loc=self._look.title_place,
        )

    def add_headline(self, title: str) -> None:
        """Above all panels."""
        self._figure.suptitle(title)

    def finish(self, kind: str, slant: Callable[[], int]) -> Chart:
        """Draw it and measure everything.

        Args:
            slant: how far the names of an axis are turned, in degrees, asked for each
                axis where they run into each other.
        """
        self._canvas.draw()
        if self._turn_crowded_ticks(slant):
            self._canvas.draw()
        renderer = self._canvas.get_renderer()
        pixels = np.asarray(self._canvas.buffer_rgba())[:, :, :3].copy()
        height, width = pixels.shape[:2]
        drawn = [*self._drawn, *self._texts_and_legends(renderer)]
        elements = [part for one in drawn for part in measured(one, renderer, width, height)]
        return Chart(pixels, kind, tuple(elements), tuple(each for _, each, _ in self._panels))

    def _turn_crowded_ticks(self, slant: Callable[[], int]) -> bool:
        """Turn the names of categories that run into each other; whether there were any."""
        turned = False
        for axes, _, _ in self._panels:
            labels = [label for label in _tick_labels(axes.xaxis) if label.get_text()]
            extents = sorted(tuple(label.get_window_extent().extents) for label in labels)
            if any(one[2] + 3 > after[0] for one, after in pairwise(extents)):
                axes.tick_params(axis="x", rotation=slant())
                turned = True
        return turned

    def _texts_and_legends(self, renderer: RendererBase) -> Iterator[Drawn]:
        single = len(self._panels) == 1
        if self._figure.get_suptitle():
            yield from text_drawn("title", self._figure.texts[0])
        for index, (axes, numbers, legend) in enumerate(self._panels):
            place = {"center": axes.title, "left": axes._left_title}[self._look.title_place]  # type: ignore[attr-defined]
            yield from text_drawn("title" if single else "panel_title", place, index)
            yield from _axis_texts(axes, index)
            extent = axes.get_window_extent(renderer)
            yield Drawn("plot_area", extent, panel=index)
            if not single:
                whole = axes.get_tightbbox(renderer)
                assert whole is not None
                yield Drawn("panel", whole, text=numbers.title, panel=index)
            if legend is not None:
                for one in legend_drawn(legend, numbers, renderer):
                    yield replace(one, panel=index)


def _contents(
    axes: Axes, numbers: Numbers, look: Look, font_px: float, labelled: bool
) -> list[Drawn]:
    match numbers.kind:
        case "line":
            return draw_lines(axes, numbers, look)
        case "pie":
            return draw_pie(axes, numbers, look, labelled=labelled)
        case "scatter":
            return draw_scatter(axes, numbers, look, font_px * 0.8)
        case _:
            return draw_bars(axes, numbers, look)


def _axis_texts(axes: Axes, panel: int) -> Iterator[Drawn]:
    if not axes.axison:
        return
    yield from text_drawn("x_label", axes.xaxis.label, panel)
    yield from text_drawn("y_label", axes.yaxis.label, panel)
    for label in _tick_labels(axes.xaxis):
        yield from text_drawn("x_tick", label, panel)
    for label in _tick_labels(axes.yaxis):
        yield from text_drawn("y_tick", label, panel)


def _tick_labels(axis: Axis) -> list[Text]:
    """Those that are seen: matplotlib keeps others, at stale places."""
    low, high = sorted(axis.get_view_interval())
    return [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]


def _set_scale(axes: Axes, side: Literal["x", "y"], scale: Scale) -> None:
    if side == "x":
        axes.set_xticks(scale.ticks)
        axes.set_xlim(scale.low, scale.top)
    else:
        axes.set_yticks(scale.ticks)
        axes.set_ylim(scale.low, scale.top)
