"""Drawing a chart, from a seed to its pixels and all that is known of them."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, cast

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
from thinkimg_eval.charts.numbers import Numbers, invent_numbers
from thinkimg_eval.charts.pies import draw_pie
from thinkimg_eval.charts.scatter import draw_scatter
from thinkimg_eval.charts.styles import STYLES, Look, choose_look, matplotlib_settings

SINGLE_KINDS = (
    "bar", "horizontal_bar", "grouped_bar", "stacked_bar", "line", "pie", "scatter",
)  # fmt: skip
KINDS = (*SINGLE_KINDS, "panels")
_PANEL_KINDS = ("bar", "grouped_bar", "stacked_bar", "line", "scatter")

_DPI = 100.0
_LETTER = 0.62
"""Width of a letter by the size of its font, on average and a bit more."""


def draw_chart(seed: int, *, kind: str | None = None, style: str = "develop") -> Chart:
    """A chart of a kind, any if None, in a style of `STYLES`.

    Raises: ValueError, when there is no such kind or style.
    """
    if kind not in (None, *KINDS) or style not in STYLES:
        raise ValueError(f"kind {kind} is not of {KINDS}, or style {style} not of {(*STYLES,)}")
    rng = random.Random(f"{style} {kind} {seed}")
    kind = kind or rng.choice(KINDS)
    look = choose_look(style, rng)
    sheet = _Sheet.cut(kind, rng)
    with _matplotlib_settings(matplotlib_settings(look, sheet.font_px, _DPI)):
        drawing = _Drawing(sheet, look, rng)
        if kind == "panels":
            drawing.draw_panels(style)
        else:
            drawing.draw_single(kind, style)
        return drawing.finish(kind)


@dataclass(frozen=True)
class _Sheet:
    """The size of the picture and of its letters, in pixels."""

    width: int
    height: int
    font_px: float
    rows: int = 1
    columns: int = 1

    @classmethod
    def cut(cls, kind: str, rng: random.Random) -> _Sheet:
        if kind == "panels":
            rows, columns = rng.choice(((1, 2), (2, 1), (2, 2), (2, 3), (3, 2), (1, 3), (3, 3)))
            width = min(2000, rng.randint(260, 560) * columns)
            height = min(2000, rng.randint(240, 460) * rows)
            return cls(width, height, rng.uniform(10, 13), rows, columns)
        width = round(300 * (2000 / 300) ** rng.random())
        height = min(2000, max(260, round(width / rng.uniform(0.8, 1.8))))
        font_px = min(26.0, max(10.0, min(width, height * 1.4) / 58 * rng.uniform(0.9, 1.2)))
        return cls(width, height, font_px)

    @property
    def letters(self) -> int:
        """About how many letters of usual size fit beside each other in a plot area."""
        return int(self.width / self.columns * 0.75 / (_LETTER * self.font_px))


class _Drawing:
    """A figure in the making."""

    def __init__(self, sheet: _Sheet, look: Look, rng: random.Random) -> None:
        self._sheet = sheet
        self._look = look
        self._rng = rng
        # Half a pixel more, because matplotlib cuts off what is not whole.
        size = ((sheet.width + 0.5) / _DPI, (sheet.height + 0.5) / _DPI)
        self._figure = Figure(figsize=size, layout="constrained")
        self._canvas: Any = FigureCanvasAgg(self._figure)  # matplotlib has it untyped
        self._panels: list[tuple[Axes, Numbers, Legend | None]] = []
        self._drawn: list[Drawn] = []

    def draw_single(self, kind: str, style: str) -> None:
        topic = self._rng.choice(STYLES[style].topics)
        numbers = invent_numbers(kind, topic, self._look.palette, self._room(), self._rng)
        axes = self._figure.subplots()
        self._add_panel(axes, numbers)
        self._title(axes, numbers.title)

    def draw_panels(self, style: str) -> None:
        grid = self._figure.subplots(self._sheet.rows, self._sheet.columns, squeeze=False)
        titled = self._rng.choice(("topics", "letters", "none"))
        for index, axes in enumerate(grid.flat):
            topic = self._rng.choice(STYLES[style].topics)
            kind = self._rng.choice(_PANEL_KINDS)
            numbers = invent_numbers(kind, topic, self._look.palette, self._room(), self._rng)
            title = {"topics": topic.title, "letters": f"({chr(97 + index)})", "none": ""}[titled]
            self._add_panel(axes, replace(numbers, title=title))
            if title:
                self._title(axes, title)
        if self._rng.random() < 0.6:
            topic = self._rng.choice(STYLES[style].topics)
            self._figure.suptitle(topic.title)

    def finish(self, kind: str) -> Chart:
        """Draw it and measure everything."""
        self._canvas.draw()
        if self._turn_crowded_ticks():
            self._canvas.draw()
        renderer = self._canvas.get_renderer()
        pixels = np.asarray(self._canvas.buffer_rgba())[:, :, :3].copy()
        height, width = pixels.shape[:2]
        drawn = [*self._drawn, *self._texts_and_legends(renderer)]
        elements = [part for one in drawn for part in measured(one, renderer, width, height)]
        return Chart(pixels, kind, tuple(elements), tuple(each for _, each, _ in self._panels))

    def _room(self) -> int:
        """How many categories fit."""
        return max(3, self._sheet.letters // 6)

    def _add_panel(self, axes: Axes, numbers: Numbers) -> None:
        look, rng = self._look, self._rng
        labelled = numbers.kind == "pie" and rng.random() < 0.5
        drawn = _contents(axes, numbers, look, self._sheet.font_px, labelled)
        if numbers.kind != "pie":
            axes.set_xlabel(numbers.x_label)
            axes.set_ylabel(textwrap.fill(numbers.y_label, 28))
            for side, spine in axes.spines.items():
                spine.set_visible(side in look.spines)
            if look.grid != "none":
                axes.grid(axis=look.grid)
        legend = None
        if self._wants_legend(numbers, labelled):
            single = self._sheet.rows * self._sheet.columns == 1
            place = look.legend_place if single else "inside"
            if numbers.kind == "pie" and place == "inside":
                place = "right"
            legend = add_legend(axes, numbers, look, drawn, place)
        index = len(self._panels)
        self._drawn += [replace(one, panel=index) for one in drawn]
        self._panels.append((axes, numbers, legend))

    def _wants_legend(self, numbers: Numbers, labelled: bool) -> bool:
        if len(numbers.series) > 1 or (numbers.kind == "pie" and not labelled):
            return True
        if labelled:
            return False
        distinct = len(set(numbers.category_colors)) == len(numbers.categories)
        return (not numbers.category_colors or distinct) and self._rng.random() < 0.3

    def _title(self, axes: Axes, title: str) -> None:
        axes.set_title(
            textwrap.fill(title, max(12, int(self._sheet.letters / 1.3))),
            loc=self._look.title_place,
        )

    def _turn_crowded_ticks(self) -> bool:
        """Turn the names of categories that run into each other; whether there were any."""
        turned = False
        for axes, _, _ in self._panels:
            labels = [label for label in _tick_labels(axes.xaxis) if label.get_text()]
            extents = sorted(tuple(label.get_window_extent().extents) for label in labels)
            if any(one[2] + 3 > after[0] for one, after in pairwise(extents)):
                axes.tick_params(axis="x", rotation=self._rng.choice((45, 90)))
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


@contextmanager
def _matplotlib_settings(settings: dict[str, Any]) -> Iterator[None]:
    """matplotlib's own defaults and these: what a user has set must not show."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast(Any, settings))
        yield
