"""How exactly the line tools draw: on random images, over the wire.

Of each drawing the whole image is compared: the row (column) that holds the
coordinate has the colour asked for, all other pixels and the size are as before.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from bench.report import Goal, Section
from thinkimg_eval.charts import draw_chart
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.imaging.codec import decode, encode_png
from thinkimg_rpc.v1 import DrawHorizontalLineByYRequest, DrawVerticalLineByXRequest
from thinkimg_workers.draw_horizontal_line_by_y import DrawHorizontalLineByY
from thinkimg_workers.draw_vertical_line_by_x import DrawVerticalLineByX

DRAWINGS = 200
"""Of each tool."""
LONGEST_SIDE = 700
SHEET_CHARTS, TILE = 6, 500
COLOR, NAME = (0, 0, 255), "blue"

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Drawing:
    """One image, where the line goes, and what came back."""

    before: Pixels
    at: float
    after: Pixels
    upright: bool

    @property
    def size_kept(self) -> bool:
        return self.after.shape == self.before.shape

    @property
    def line_painted(self) -> bool:
        line = math.floor(self.at)
        painted = self.after[:, line] if self.upright else self.after[line]
        return bool((painted == COLOR).all())

    @property
    def others_kept(self) -> bool:
        """Whether every pixel beside the line is what it was."""
        line, axis = math.floor(self.at), int(self.upright)
        before, after = (np.delete(pixels, line, axis) for pixels in (self.before, self.after))
        return np.array_equal(before, after)


async def drawings(images: Iterable[tuple[Pixels, float, bool]]) -> list[Drawing]:
    """Draw on each of (image, coordinate, upright) through a mesh."""
    done = []
    async with Mesh.local([DrawHorizontalLineByY, DrawVerticalLineByX]) as mesh:
        for before, at, upright in images:
            image = mesh.image(encode_png(before))
            request: Any = (
                DrawVerticalLineByXRequest(image=image, x=at, color=NAME)
                if upright
                else DrawHorizontalLineByYRequest(image=image, y=at, color=NAME)
            )
            answer = await mesh.send(request)
            after = decode(answer.image.data, max_pixels=1 << 24)
            done.append(Drawing(before, at, after, upright))
    return done


def measure(progress: Progress) -> Section:
    """The share of drawings in which everything is exactly as promised."""
    section = Section("Draw: lines on random images", ("", "drawings", "exact"))
    for upright, tool in ((False, "DrawHorizontalLineByY"), (True, "DrawVerticalLineByX")):
        images = [_random_image(seed, upright) for seed in range(DRAWINGS)]
        done = asyncio.run(drawings(progress.track(images, description=tool)))
        aspects: dict[str, Callable[[Drawing], bool]] = {
            "the size stays": lambda drawing: drawing.size_kept,
            "the line is painted": lambda drawing: drawing.size_kept and drawing.line_painted,
            "all else stays": lambda drawing: drawing.size_kept and drawing.others_kept,
        }
        for aspect, holds in aspects.items():
            exact = sum(map(holds, done))
            section.rows.append((f"{tool}: {aspect}", str(len(done)), str(exact)))
        exact = sum(all(holds(drawing) for holds in aspects.values()) for drawing in done)
        goal = f"{tool} changes exactly the line asked for"
        section.goals.append(Goal(goal, f"{exact} of {len(done)}", exact == len(done)))
    return section


def contact_sheet(folder: Path) -> Path:
    """Charts with a line across and a line down each, in one picture."""
    drawn = (draw_chart(seed, kind="bar").pixels for seed in itertools.count())
    small = (chart for chart in drawn if max(chart.shape) <= TILE)
    charts = list(itertools.islice(small, SHEET_CHARTS))
    across = asyncio.run(drawings((chart, chart.shape[0] * 0.4, False) for chart in charts))
    down = asyncio.run(drawings((one.after, one.after.shape[1] * 0.6, True) for one in across))
    tiles = [_tile(one.after) for one in down]
    rows = [np.hstack(tiles[start : start + 3]) for start in range(0, len(tiles), 3)]
    path = folder / "draw.png"
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
    return path


def _tile(pixels: Pixels) -> Pixels:
    """The picture as it is, with grey around it."""
    tile = np.full((TILE, TILE, 3), 200, np.uint8)
    tile[: pixels.shape[0], : pixels.shape[1]] = pixels
    return tile


def _random_image(seed: int, upright: bool) -> tuple[Pixels, float, bool]:
    random = np.random.default_rng((seed, upright))
    height, width = random.integers(1, LONGEST_SIDE, size=2)
    pixels = random.integers(0, 256, (height, width, 3), np.uint8)
    at = float(random.uniform(0, width if upright else height))
    return pixels, at, upright
