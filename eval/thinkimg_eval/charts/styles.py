"""How charts look. "held_out" shares no font, palette or layout with "develop"."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Literal

from thinkimg_eval.charts import topics
from thinkimg_eval.charts.numbers import NamedColor
from thinkimg_eval.charts.topics import Topic

LegendPlace = Literal["inside", "right", "top", "bottom"]
Grid = Literal["none", "x", "y", "both"]


@dataclass(frozen=True)
class StyleBook:
    """What one split of the styles chooses from."""

    fonts: tuple[str, ...]
    palettes: tuple[tuple[NamedColor, ...], ...]
    papers: tuple[tuple[str, str, str], ...]
    """Colours of the background, of the ink and of the grid."""
    legend_places: tuple[LegendPlace, ...]
    grids: tuple[Grid, ...]
    spines: tuple[tuple[str, ...], ...]
    """Which sides of the plot area are drawn."""
    title_places: tuple[Literal["center", "left"], ...]
    bar_widths: tuple[float, float]
    markers: tuple[str, ...]
    topics: tuple[Topic, ...]


@dataclass(frozen=True)
class Look:
    """One way to draw a chart."""

    font: str
    palette: tuple[NamedColor, ...]
    paper: str
    ink: str
    grid_color: str
    grid: Grid
    spines: tuple[str, ...]
    legend_place: LegendPlace
    legend_frame: bool
    title_place: Literal["center", "left"]
    title_bold: bool
    bar_width: float
    bar_edge: bool
    values_written: bool
    markers: tuple[str, ...]
    line_markers: bool
    contrast_labels: bool = False
    """Whether what is written on a bar or a wedge is dark or bright by its colour."""
    label_gap_points: float = 1
    """Between the end of a bar and the value written there."""

    def ink_on(self, hexadecimal: str) -> str:
        """The colour of letters on a mark of that colour."""
        if not self.contrast_labels:
            return self.ink
        return "#000000" if _lightness(hexadecimal) > 130 else "#ffffff"


def choose_look(book: StyleBook, rng: random.Random) -> Look:
    """One of the looks of a style."""
    paper, ink, grid_color = rng.choice(book.papers)
    font = rng.choice(book.fonts)
    return Look(
        font=font,
        palette=_seen_on(paper, rng.choice(book.palettes)),
        paper=paper,
        ink=ink,
        grid_color=grid_color,
        grid=rng.choice(book.grids),
        spines=rng.choice(book.spines),
        legend_place=rng.choice(book.legend_places),
        legend_frame=rng.random() < 0.5,
        title_place=rng.choice(book.title_places),
        # Computer Modern comes in one weight.
        title_bold=rng.random() < 0.5 and not font.startswith("cm"),
        bar_width=rng.uniform(*book.bar_widths),
        bar_edge=rng.random() < 0.2,
        values_written=rng.random() < 0.3,
        markers=book.markers,
        line_markers=rng.random() < 0.5,
    )


def matplotlib_settings(look: Look, font_px: float, dpi: float) -> dict[str, Any]:
    """The rcParams of a look."""
    points = font_px * 72 / dpi
    return {
        "figure.dpi": dpi,
        "figure.facecolor": look.paper,
        "axes.facecolor": look.paper,
        "axes.edgecolor": look.ink,
        "axes.labelcolor": look.ink,
        "axes.titlecolor": look.ink,
        "axes.titleweight": "bold" if look.title_bold else "normal",
        "axes.unicode_minus": False,
        "axes.axisbelow": True,
        "axes.linewidth": max(0.6, points / 12),
        "text.color": look.ink,
        "xtick.color": look.ink,
        "ytick.color": look.ink,
        "grid.color": look.grid_color,
        "grid.linewidth": max(0.5, points / 14),
        "font.family": [look.font],
        "font.size": points,
        "axes.titlesize": points * 1.3,
        "figure.titlesize": points * 1.4,
        "figure.titleweight": "bold" if look.title_bold else "normal",
        "axes.labelsize": points,
        "xtick.labelsize": points * 0.9,
        "ytick.labelsize": points * 0.9,
        "legend.fontsize": points * 0.9,
        "legend.frameon": look.legend_frame,
        "legend.edgecolor": look.grid_color,
        "legend.facecolor": look.paper,
        "lines.linewidth": max(1.2, points / 5),
        "lines.markersize": max(3.0, points / 2),
    }


def _seen_on(paper: str, palette: tuple[NamedColor, ...]) -> tuple[NamedColor, ...]:
    """The colours that stand out from a background."""
    return tuple(
        color for color in palette if abs(_lightness(color.hexadecimal) - _lightness(paper)) > 40
    )


def _lightness(hexadecimal: str) -> float:
    red, green, blue = bytes.fromhex(hexadecimal.removeprefix("#"))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _palette(**colors: str) -> tuple[NamedColor, ...]:
    return tuple(NamedColor(name.replace("_", " "), f"#{code}") for name, code in colors.items())


_WHITE = ("#ffffff", "#000000", "#cccccc")
_CREAM = ("#f7f3e8", "#222222", "#d8d2c0")
_PALE_GRAY = ("#ebebeb", "#333333", "#ffffff")
_NIGHT = ("#1c1c24", "#eeeeee", "#44444e")

STYLES = {
    "develop": StyleBook(
        fonts=("DejaVu Sans", "DejaVu Sans Mono"),
        palettes=(
            _palette(
                blue="1f77b4", orange="ff7f0e", green="2ca02c", red="d62728", purple="9467bd",
                brown="8c564b", pink="e377c2", gray="7f7f7f", olive="bcbd22", cyan="17becf",
            ),
            _palette(
                red="ff0000", blue="0000ff", green="008000", orange="ffa500", purple="800080",
                brown="a52a2a", black="000000", pink="ff69b4", gray="808080", teal="008080",
            ),
            _palette(
                red="e74c3c", blue="3498db", green="2ecc71", purple="9b59b6", orange="e67e22",
                yellow="f1c40f", gray="95a5a6", teal="16a085",
            ),
            _palette(
                light_blue="aec7e8", blue="1f77b4", light_green="98df8a", green="2ca02c",
                orange="ff7f0e", red="d62728", purple="9467bd", gray="7f7f7f",
            ),
        ),
        papers=(_WHITE, _WHITE, _WHITE, ("#eaeaf2", "#262626", "#ffffff")),
        legend_places=("inside", "right", "inside"),
        grids=("none", "both", "y"),
        spines=(("left", "bottom"), ("left", "bottom", "right", "top")),
        title_places=("center",),
        bar_widths=(0.6, 0.85),
        markers=("o", "s"),
        topics=topics.DEVELOP,
    ),
    "held_out": StyleBook(
        fonts=("DejaVu Serif", "STIXGeneral", "cmss10"),
        palettes=(
            _palette(
                red="e41a1c", blue="377eb8", green="4daf4a", purple="984ea3", orange="ff7f00",
                brown="a65628", pink="f781bf", gray="999999",
            ),
            _palette(
                teal="1b9e77", orange="d95f02", purple="7570b3", pink="e7298a", green="66a61e",
                yellow="e6ab02", gray="666666",
            ),
            _palette(
                blue="4c72b0", orange="dd8452", green="55a868", red="c44e52", purple="8172b3",
                pink="da8bc3", gray="8c8c8c",
            ),
            _palette(
                red="e50000", blue="0343df", green="15b01a", purple="7e1e9c", pink="ff81c0",
                brown="653700", teal="029386", orange="f97306", black="000000",
            ),
            _palette(
                dark_blue="01447e", light_blue="7ac0e8", red="e3120b", gray="8a9a9a",
                green="00a05b", yellow="f2c14e",
            ),
        ),
        papers=(_WHITE, _CREAM, _PALE_GRAY, _NIGHT),
        legend_places=("top", "bottom", "right", "inside"),
        grids=("none", "x", "y"),
        spines=(("bottom",), (), ("left",), ("left", "bottom")),
        title_places=("left", "center"),
        bar_widths=(0.45, 0.95),
        markers=("^", "D", "o"),
        topics=topics.HELD_OUT,
    ),
}  # fmt: skip
"""The splits, by name."""
