"""Figures with several panels, drawn so that where each panel is, is known.

`draw_figure(seed)` gives the same figure every time: 1 to 16 panels in regular
and uneven grids, with shared axes, colour bars, insets, legends, titles on all,
some or none, a title over all, in several of matplotlib's styles. The style
"held_out" takes layouts, looks, fonts and words that "develop" never does.

A panel's box is that of its axes with title, tick labels, axis labels and
legend (`Axes.get_tightbbox`), joined with that of the colour bar beside it, less
what is blank along its sides: matplotlib counts axes that are not drawn. An inset
belongs to the panel around it; a title for all panels belongs to none. If there is
one panel, its box is everything drawn.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.gridspec import GridSpec
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

Style = Literal["develop", "held_out"]
Box = tuple[float, float, float, float]

_LOOKS: dict[Style, tuple[str, ...]] = {
    "develop": ("default", "default", "dark_background", "ggplot", "bmh", "seaborn-v0_8-whitegrid"),
    "held_out": (
        "fivethirtyeight",
        "Solarize_Light2",
        "seaborn-v0_8-darkgrid",
        "seaborn-v0_8-ticks",
        "grayscale",
        "petroff10",
    ),
}
_FONTS: dict[Style, tuple[str, ...]] = {
    "develop": ("DejaVu Sans",),
    "held_out": ("DejaVu Serif", "STIXGeneral"),
}
_SUBJECTS: dict[Style, tuple[str, ...]] = {
    "develop": (
        "Revenue", "Unemployment", "Rainfall", "Exports", "Population", "Wages", "Energy",
        "Inflation", "Tourism", "Housing", "Accuracy", "Traffic", "Emissions", "Forests",
        "Fisheries", "Literacy", "Mortality", "Sales",
    ),
    "held_out": (
        "Latency", "Churn", "Vaccination", "Precipitation", "Salinity", "Savings", "Fertility",
        "Broadband", "Debt", "Wheat yield", "Turnout", "Obesity", "Steel output", "Imports",
        "Glaciers", "Ridership", "Patents", "Throughput",
    ),
}  # fmt: skip
_ENDINGS: dict[Style, tuple[str, ...]] = {
    "develop": ("rate", "by region", "per capita", "in Europe", "over time", "index", ""),
    "held_out": ("share", "by country", "since 1990", "of adults", "forecast", "(median)", ""),
}
_UNITS: dict[Style, tuple[str, ...]] = {
    "develop": ("Percent", "Thousands", "USD", "Index", "Count", "Value"),
    "held_out": ("Milliseconds", "Tonnes", "Share (%)", "Euros", "Density", "Score"),
}
_TIMES: dict[Style, tuple[str, ...]] = {
    "develop": ("Year", "Month", "Group", "Time (s)"),
    "held_out": ("Quarter", "Epoch", "Cohort", "Depth (m)"),
}
_SERIES = ("north", "south", "urban", "rural", "men", "women", "baseline", "ours")


@dataclass(frozen=True)
class Panel:
    """One panel: where it is in pixels, and what is written on it ("" if nothing)."""

    box: Box
    title: str
    y_label: str
    letter: str
    row: int
    column: int
    rows: int
    """How many rows of the grid it takes."""
    columns: int


@dataclass(frozen=True)
class Figure:
    """A drawn figure: (H, W, 3) uint8 RGB, and its panels row by row."""

    pixels: NDArray[np.uint8]
    panels: tuple[Panel, ...]
    rows: int
    columns: int
    look: str

    @property
    def regular(self) -> bool:
        """Whether every panel fills one cell of the grid."""
        return all(panel.rows == panel.columns == 1 for panel in self.panels)


@dataclass
class _Cell:
    row: int
    column: int
    rows: int = 1
    columns: int = 1


_UNEVEN: dict[Style, tuple[tuple[int, int, tuple[tuple[int, int, int, int], ...]], ...]] = {
    # Rows, columns, and for each panel: row, column, rows, columns.
    "develop": (
        (2, 2, ((0, 0, 1, 2), (1, 0, 1, 1), (1, 1, 1, 1))),
        (2, 3, ((0, 0, 1, 3), (1, 0, 1, 1), (1, 1, 1, 1), (1, 2, 1, 1))),
        (2, 2, ((0, 0, 2, 1), (0, 1, 1, 1), (1, 1, 1, 1))),
        (3, 3, ((0, 0, 1, 3), (1, 0, 1, 2), (1, 2, 2, 1), (2, 0, 1, 1), (2, 1, 1, 1))),
    ),
    "held_out": (
        (2, 2, ((0, 0, 1, 1), (0, 1, 1, 1), (1, 0, 1, 2))),
        (3, 2, ((0, 0, 1, 1), (1, 0, 1, 1), (2, 0, 1, 1), (0, 1, 3, 1))),
        (2, 3, ((0, 0, 2, 2), (0, 2, 1, 1), (1, 2, 1, 1))),
        (3, 4, ((0, 0, 2, 2), (0, 2, 1, 2), (1, 2, 1, 1), (1, 3, 1, 1), (2, 0, 1, 2),
                (2, 2, 1, 2))),
    ),
}  # fmt: skip


def draw_figure(seed: int, *, style: Style = "develop") -> Figure:
    """The figure of a seed."""
    for attempt in itertools.count():
        figure = _Drawing(seed, style, attempt).draw()
        if not _overlaps(figure.panels):
            return figure
    raise AssertionError("count() ends")


class _Drawing:
    """One attempt at a figure: a drawing in which panels overlap is not used."""

    def __init__(self, seed: int, style: Style, attempt: int) -> None:
        self.rng = np.random.default_rng([seed, 0 if style == "develop" else 1, attempt])
        self.style = style

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def pick(self, *choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def draw(self) -> Figure:
        self.look = self.pick(*_LOOKS[self.style])
        with matplotlib.style.context(["default", self.look]):
            matplotlib.rcParams["font.family"] = self.pick(*_FONTS[self.style])
            return self._draw()

    def _draw(self) -> Figure:
        rows, columns, cells = self._layout()
        size = self._set_size(rows, columns)
        engine = self.pick("tight", "tight", "constrained")
        canvas = Canvas(figsize=size, layout=engine)
        agg = FigureCanvasAgg(canvas)
        ratios = {}
        if self.chance(0.3) and columns > 1:
            ratios["width_ratios"] = self.rng.uniform(1, 1.8, columns).tolist()
        grid = canvas.add_gridspec(rows, columns, **ratios)
        drawn = [*self._fill(canvas, grid, cells)]
        if len(cells) > 1 and self.chance(0.4):
            canvas.suptitle(f"{self._subject()} and {self._subject().lower()}, an overview")
        agg.draw()  # type: ignore[no-untyped-call]
        pixels = np.asarray(agg.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]
        height, width = pixels.shape[:2]
        boxes = [_joined([_tight(axes, agg) for axes in group]) for _, group, _ in drawn]
        if len(boxes) == 1:
            inches = canvas.get_tightbbox(_renderer(agg))
            boxes = [Bbox(inches.get_points() * canvas.dpi)]
        panels = tuple(
            Panel(_drawn(_in_image(box, width, height), pixels), *texts, *vars(cell).values())
            for (cell, _, texts), box in zip(drawn, boxes, strict=True)
        )
        return Figure(pixels, panels, rows, columns, self.look)

    def _layout(self) -> tuple[int, int, list[_Cell]]:
        kind = self.rng.random()
        if kind < 0.08:
            return 1, 1, [_Cell(0, 0)]
        if kind < 0.28:
            rows, columns, cells = self.pick(*_UNEVEN[self.style])
            return rows, columns, [_Cell(*cell) for cell in cells]
        rows, columns = int(self.rng.integers(1, 5)), int(self.rng.integers(1, 5))
        if rows * columns == 1:
            columns = 2
        cells = [_Cell(row, column) for row in range(rows) for column in range(columns)]
        if rows > 1 and columns > 1 and self.chance(0.15):
            del cells[-int(self.rng.integers(1, columns)) :]
        return rows, columns, cells

    def _set_size(self, rows: int, columns: int) -> tuple[float, float]:
        """Inches; dots per inch and sizes of print go into the style."""
        font = float(self.rng.uniform(7, 11))
        matplotlib.rcParams["font.size"] = font
        matplotlib.rcParams["axes.titlesize"] = self.pick("medium", "large", "large")
        matplotlib.rcParams["figure.titlesize"] = self.pick("medium", "large", "large")
        matplotlib.rcParams["axes.labelsize"] = self.pick("medium", "small")
        matplotlib.rcParams["xtick.labelsize"] = self.pick("medium", "small")
        matplotlib.rcParams["ytick.labelsize"] = self.pick("medium", "small")
        matplotlib.rcParams["legend.fontsize"] = self.pick("medium", "small")
        matplotlib.rcParams["savefig.bbox"] = "standard"
        width = columns * self.rng.uniform(1.9, 3.6) * font / 9 + 0.4
        height = rows * self.rng.uniform(1.6, 2.8) * font / 9 + 0.4
        if rows * columns == 1:
            width, height = width * 1.8, height * 1.8
        widest = max(width, height)
        matplotlib.rcParams["figure.dpi"] = float(
            np.clip(self.rng.uniform(65, 160), 300 / widest, 2000 / widest)
        )
        return float(width), float(height)

    def _fill(
        self, canvas: Canvas, grid: GridSpec, cells: list[_Cell]
    ) -> Iterator[tuple[_Cell, list[Axes], tuple[str, str, str]]]:
        shared = self.chance(0.25) and all(cell.rows == cell.columns == 1 for cell in cells)
        titles = self.pick("all", "all", "some", "none")
        letters = self.pick("none", "none", "in title", "alone")
        labels = self.chance(0.6)
        one_kind = self.pick(*_KINDS) if shared or self.chance(0.3) else None
        if shared and one_kind in (pie, picture, heat_map):
            one_kind = line
        self.spines = self.pick("all", "all", "open", "none")
        self.grid = self.pick("style", "style", "on", "y")
        subjects = iter(self.rng.permutation(_SUBJECTS[self.style]))
        first: Axes | None = None
        for number, cell in enumerate(cells):
            where = grid[cell.row : cell.row + cell.rows, cell.column : cell.column + cell.columns]
            share = {"sharex": first, "sharey": first} if shared and first is not None else {}
            axes = canvas.add_subplot(where, **share)
            first = first or axes
            kind = one_kind or self.pick(*_KINDS)
            group = [axes, *kind(self, canvas, axes)]
            letter = "" if letters == "none" else chr(ord("a") + number)
            title = next(subjects) if titles == "all" or self.chance(0.5) else ""
            title = "" if titles == "none" or not title else f"{title} {self._ending()}".strip()
            self._write_title(axes, title, letter, alone=letters == "alone")
            y_label = self._write_labels(axes, labels, kind, shared)
            yield cell, group, (title, y_label, letter)

    def _write_title(self, axes: Axes, title: str, letter: str, *, alone: bool) -> None:
        if letter and alone:
            axes.set_title(f"({letter})", loc="left", fontweight="bold")
        elif letter:
            title = f"({letter}) {title}".strip()
        if title:
            axes.set_title(title, loc="center" if alone else self.pick("center", "center", "left"))

    def _write_labels(
        self, axes: Axes, labels: bool, kind: Callable[..., list[Axes]], shared: bool
    ) -> str:
        y_label = ""
        if labels and kind not in (pie, picture):
            y_label = self.pick(*_UNITS[self.style])
            axes.set_xlabel(self.pick(*_TIMES[self.style]))
            axes.set_ylabel(y_label)
        if shared:
            axes.label_outer()
            y_label = y_label if axes.get_ylabel() else ""
        return y_label

    def _subject(self) -> str:
        return str(self.pick(*_SUBJECTS[self.style]))

    def _ending(self) -> str:
        return str(self.pick(*_ENDINGS[self.style]))

    def series(self, count: int) -> list[str]:
        return list(self.rng.permutation(_SERIES)[:count])

    def trim(self, axes: Axes) -> None:
        """Spines and grid, as this figure has them."""
        if self.spines == "open":
            axes.spines[["top", "right"]].set_visible(False)
        if self.spines == "none":
            axes.spines[:].set_visible(False)
        if self.grid == "on":
            axes.grid(True, alpha=0.5)
        if self.grid == "y" or (self.spines == "none" and self.grid == "style"):
            axes.grid(True, axis="y")

    def legend(self, axes: Axes) -> None:
        where = self.rng.random()
        if where < 0.5:
            axes.legend(loc="best")
        elif where < 0.75:
            axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1), borderaxespad=0)
        elif where < 0.9:
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.3), ncol=2)


def line(drawing: _Drawing, canvas: Canvas, axes: Axes) -> list[Axes]:
    """Lines, perhaps with a legend or an inset."""
    count = int(drawing.rng.integers(1, 4))
    for name in drawing.series(count):
        axes.plot(np.cumsum(drawing.rng.normal(size=30)), label=name)
    drawing.trim(axes)
    if count > 1 and drawing.chance(0.6):
        drawing.legend(axes)
    elif drawing.chance(0.15):
        inset = axes.inset_axes((0.6, 0.6, 0.35, 0.33))
        inset.plot(drawing.rng.normal(size=10))
        inset.tick_params(labelsize=5)
    return []


def bars(drawing: _Drawing, canvas: Canvas, axes: Axes) -> list[Axes]:
    """Upright bars, two to a group at times."""
    names = drawing.pick("ABCDEFGH"[:6], ("2019", "2020", "2021", "2022"), "WXYZ")
    places = np.arange(len(names))
    if drawing.chance(0.3):
        for shift, name in enumerate(drawing.series(2)):
            heights = drawing.rng.uniform(2, 90, len(names))
            axes.bar(places + 0.4 * shift, heights, 0.4, label=name)
        drawing.legend(axes)
    else:
        axes.bar(places, drawing.rng.uniform(2, 90, len(names)))
    axes.set_xticks(places, list(names))
    drawing.trim(axes)
    return []


def lying_bars(drawing: _Drawing, canvas: Canvas, axes: Axes) -> list[Axes]:
    """Bars from the left, with words as labels."""
    names = ["Spain", "Italy", "France", "Poland", "Norway"][: int(drawing.rng.integers(3, 6))]
    axes.barh(names, drawing.rng.uniform(2, 90, len(names)))
    drawing.trim(axes)
    return []


def points(drawing: _Drawing, canvas: Canvas, axes: Axes) -> list[Axes]:
    """A cloud of points, at times coloured with a bar beside it."""
    x, y = drawing.rng.normal(size=(2, 60))
    if drawing.chance(0.4):
        cloud = axes.scatter(x, y, c=x + y, s=10)
        drawing.trim(axes)
        return [canvas.colorbar(cloud, ax=axes).ax]
    axes.scatter(x, y, s=10)
    drawing.trim(axes)
    return []


def histogram(drawing: _Drawing, canvas: Canvas, axes: Axes) -> list[Axes]:
    """A histogram."""
    axes.hist(drawing.rng.normal(size=300), bins=int(drawing.rng.integers(8, 25)))
    drawing.trim(axes)
    return []


def heat_map(drawing: _Drawing, canvas: Canvas, axes: Axes) -> list[Axes]:
    """A matrix, mostly with a colour bar at the right or below."""
    axes.grid(False)
    shape = drawing.rng.integers(4, 12, 2)
    image = axes.imshow(
        drawing.rng.random(shape), aspect="auto", cmap=drawing.pick("viridis", "magma", "Blues")
    )
    if drawing.chance(0.2):
        return []
    return [canvas.colorbar(image, ax=axes, location=drawing.pick("right", "right", "bottom")).ax]


def picture(drawing: _Drawing, canvas: Canvas, axes: Axes) -> list[Axes]:
    """A photo-like picture, without axes."""
    axes.grid(False)
    y, x = np.mgrid[0:40, 0:60]
    waves = drawing.rng.uniform(5, 20, 3)
    rgb = [0.5 + 0.4 * np.sin(x / wave + y / waves[0]) for wave in waves]
    axes.imshow(np.stack(rgb, axis=-1), aspect="auto")
    axes.set_axis_off()
    return []


def pie(drawing: _Drawing, canvas: Canvas, axes: Axes) -> list[Axes]:
    """A pie with its labels around it."""
    names = drawing.series(int(drawing.rng.integers(3, 6)))
    axes.pie(drawing.rng.uniform(1, 5, len(names)), labels=names)
    return []


def boxes(drawing: _Drawing, canvas: Canvas, axes: Axes) -> list[Axes]:
    """Box plots."""
    axes.boxplot(drawing.rng.normal(size=(40, int(drawing.rng.integers(3, 7)))))
    drawing.trim(axes)
    return []


_KINDS = (line, line, bars, lying_bars, points, histogram, heat_map, picture, pie, boxes)


def _renderer(agg: FigureCanvasAgg) -> RendererAgg:
    return cast(RendererAgg, agg.get_renderer())  # type: ignore[no-untyped-call]


def _tight(axes: Axes, agg: FigureCanvasAgg) -> Bbox:
    box = axes.get_tightbbox(_renderer(agg))
    assert box is not None
    return Bbox(box.get_points())


def _joined(boxes: list[Bbox]) -> Bbox:
    return Bbox(Bbox.union(boxes).get_points())


def _in_image(box: Bbox, width: int, height: int) -> Box:
    """From matplotlib's pixels, upwards from the bottom, to the image's."""
    return (
        max(0.0, float(box.x0)),
        max(0.0, float(height - box.y1)),
        min(float(width), float(box.x1)),
        min(float(height), float(height - box.y0)),
    )


def _drawn(box: Box, pixels: NDArray[np.uint8]) -> Box:
    """The box without blank rows and columns along its sides."""
    x0, y0, x1, y1 = int(box[0]), int(box[1]), int(np.ceil(box[2])), int(np.ceil(box[3]))
    drawn = (pixels[y0:y1, x0:x1] != pixels[0, 0]).any(axis=2)
    columns, rows = np.flatnonzero(drawn.any(axis=0)), np.flatnonzero(drawn.any(axis=1))
    return (
        float(x0 + columns[0]),
        float(y0 + rows[0]),
        float(x0 + columns[-1] + 1),
        float(y0 + rows[-1] + 1),
    )


def _overlaps(panels: tuple[Panel, ...]) -> bool:
    """Whether any two panels overlap, or one is too small to be read."""
    for one, other in itertools.combinations([panel.box for panel in panels], 2):
        width = min(one[2], other[2]) - max(one[0], other[0])
        height = min(one[3], other[3]) - max(one[1], other[1])
        if width > 0 and height > 0:
            return True
    return any(
        min(panel.box[2] - panel.box[0], panel.box[3] - panel.box[1]) < 60 for panel in panels
    )
