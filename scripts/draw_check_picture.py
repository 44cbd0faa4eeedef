"""Draws the picture that `thinkimg check` shows to every tool, and notes what is where.

    .venv/bin/python scripts/draw_check_picture.py [FOLDER]

Two panels of a figure with all that the tools look for: titles, tick labels,
coloured bars, a legend, a line. Written into thinkimg_rpc/check, or into FOLDER:
`picture.png`, and the places of its parts, in its pixels, as `picture.json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

FOLDER = Path(__file__).parents[1] / "thinkimg_rpc" / "check"
WIDTH, HEIGHT, DPI = 640, 320, 100
HARVEST = {"Apples": ("#d62728", 70), "Pears": ("#1f77b4", 45), "Plums": ("#2ca02c", 30)}
RAINFALL = (20, 35, 30, 55, 75, 60)


def draw() -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
    """(H, W, 3) RGB pixels, and the places of their parts."""
    with mpl.rc_context({"font.family": "DejaVu Sans", "font.size": 11}):
        layout = ConstrainedLayoutEngine(w_pad=0.15, wspace=0.08)
        figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, layout=layout)
        canvas = FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2)
        bars = {
            name: left.bar(name, height, color=color, label=name, width=0.6)[0]
            for name, (color, height) in HARVEST.items()
        }
        left.set(title="Harvest", ylabel="Tonnes", ylim=(0, 120), xticks=[])
        legend = left.legend(loc="upper right")
        right.plot(range(1, len(RAINFALL) + 1), RAINFALL, color="#9467bd", linewidth=2)
        right.set(title="Rainfall", xlabel="Month", ylim=(0, 100))
        canvas.draw()  # type: ignore[no-untyped-call]
        renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]

        def box_of(part: Artist) -> list[float]:
            x0, y0, x1, y1 = part.get_tightbbox(renderer).extents  # type: ignore[union-attr]
            edges = (x0, HEIGHT - y1, x1, HEIGHT - y0)
            return [round(float(edge), 1) for edge in edges]

        words = [left.title, right.title, left.yaxis.label, right.xaxis.label]
        places = {
            "words": {text.get_text(): box_of(text) for text in [*words, *legend.get_texts()]},
            "bars": {name: _extent(bar) for name, bar in bars.items()},
            "legend": box_of(legend),
            "panels": {"Harvest": box_of(left), "Rainfall": box_of(right)},
        }
        rgba = canvas.buffer_rgba()  # type: ignore[no-untyped-call]
        pixels = np.asarray(rgba)[..., :3].copy()
    return pixels, places


def _extent(bar: Any) -> list[float]:
    x0, y0, x1, y1 = bar.get_window_extent().extents
    return [round(float(edge), 1) for edge in (x0, HEIGHT - y1, x1, HEIGHT - y0)]


def main() -> None:
    folder = Path(sys.argv[1]) if sys.argv[1:] else FOLDER
    pixels, places = draw()
    cv2.imwrite(
        str(folder / "picture.png"),
        cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR),
        [cv2.IMWRITE_PNG_COMPRESSION, 9],
    )
    (folder / "picture.json").write_text(json.dumps(places, indent=2) + "\n")


if __name__ == "__main__":
    main()
