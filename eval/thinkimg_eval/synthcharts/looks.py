"""How the charts look. Colours have the ten plainest names, each in several shades."""

from __future__ import annotations

import random
from dataclasses import replace

from thinkimg_eval.charts import NamedColor
from thinkimg_eval.charts.styles import Look, StyleBook, choose_look


def _palette(**colors: str) -> tuple[NamedColor, ...]:
    return tuple(NamedColor(name, f"#{code}") for name, code in colors.items())


PALETTES = (
    _palette(
        red="d62728", blue="1f77b4", green="2ca02c", orange="ff7f0e", purple="9467bd",
        brown="8c564b", pink="f78fd0", gray="8a8a8a", yellow="f2d11b", black="111111",
    ),
    _palette(
        red="ff0000", blue="0000ff", green="008000", orange="ffa500", purple="800080",
        brown="8b4513", pink="ff9ac8", gray="808080", yellow="ffe600", black="000000",
    ),
    _palette(
        red="e74c3c", blue="3498db", green="2ecc71", orange="e67e22", purple="8e44ad",
        brown="795548", pink="f48fb1", gray="95a5a6", yellow="f1c40f", black="1f1f1f",
    ),
    _palette(
        red="c51b29", blue="4575d4", green="3a9d4a", orange="f28e2b", purple="7a3fa0",
        brown="7f5539", pink="ff9da7", gray="848484", yellow="edc948", black="1a1a1a",
    ),
)  # fmt: skip

_BOOK = StyleBook(
    fonts=("DejaVu Sans", "DejaVu Sans", "DejaVu Serif", "STIXGeneral", "DejaVu Sans Mono"),
    palettes=PALETTES,
    papers=(
        ("#ffffff", "#000000", "#cccccc"),
        ("#ffffff", "#333333", "#dddddd"),
        ("#f7f3e8", "#222222", "#d8d2c0"),
        ("#eef1f6", "#1f2a3a", "#ffffff"),
        ("#1c1c24", "#eeeeee", "#44444e"),
    ),
    legend_places=("right", "top", "bottom", "inside"),
    grids=("none", "both", "y", "x"),
    spines=(("left", "bottom"), ("left", "bottom", "right", "top"), ("bottom",), ("left",)),
    title_places=("center", "left"),
    bar_widths=(0.5, 0.88),
    markers=("o", "s", "^", "D"),
    topics=(),
)  # fmt: skip
_ALIKE = (
    ("red", "brown"),
    ("red", "orange"),
    ("orange", "yellow"),
    ("red", "pink"),
    ("gray", "black"),
    ("brown", "orange"),
    ("brown", "black"),
    ("purple", "blue"),
)
"""Of each pair, at most one is used where colours have to be told apart, if they can be spared."""


def choose_synthetic_look(rng: random.Random) -> Look:
    """A look in which every value can be found: lines have their markers."""
    look = choose_look(_BOOK, rng)
    return replace(look, line_markers=True, contrast_labels=True, label_gap_points=3)


def order_colors(palette: tuple[NamedColor, ...], rng: random.Random) -> list[NamedColor]:
    """Any order, but so that the first few are easily told apart."""
    rest = rng.sample(palette, k=len(palette))
    ordered: list[NamedColor] = []
    while rest:
        taken = {color.name for color in ordered}
        alone = [color for color in rest if not _alike(color.name, taken)]
        chosen = (alone or rest)[0]
        rest.remove(chosen)
        ordered.append(chosen)
    return ordered


def _alike(name: str, others: set[str]) -> bool:
    return any(name in pair and others & (set(pair) - {name}) for pair in _ALIKE)
