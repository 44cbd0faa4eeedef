"""Small pictures of charts, and questions that can be answered by looking at them.

They are drawn as small as a policy sees charts: structure and colours are there, texts are
strokes. OpenCV draws a thousand in the time that matplotlib needs for ten.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from thinkimg_eval.synthcharts.looks import PALETTES

Color = tuple[int, int, int]
"""Red, green, blue."""
Rgb = NDArray[np.uint8]

_FINE = 4
"""Pictures are drawn this much larger, and made smaller by averaging."""
SIZES = ((112, 112), (140, 84), (84, 140), (168, 56), (140, 84), (112, 112))
"""Width and height of views, in multiples of the 28 pixels of a token."""
KINDS = {"bars": "bar", "lying bars": "bar", "line": "line", "slices": "pie", "points": "scatter"}
"""What is drawn, and what such a chart is called."""
_PAPERS: tuple[tuple[Color, Color], ...] = (
    ((255, 255, 255), (0, 0, 0)),
    ((255, 255, 255), (60, 60, 60)),
    ((247, 243, 232), (34, 34, 34)),
    ((238, 241, 246), (31, 42, 58)),
    ((28, 28, 36), (238, 238, 238)),
)


@dataclass(frozen=True)
class Panel:
    """One chart of a picture."""

    kind: str
    colors: list[str]
    """Of its series, or of its slices in order."""
    values: list[float]
    """Between 0 and 1, from left to right or from top to bottom; of the first series."""


@dataclass
class Picture:
    pixels: Rgb
    """(H, W, 3)."""
    panels: list[Panel] = field(default_factory=list)


def draw(random_: random.Random) -> Picture:
    """A picture of one chart, or of two to six in rows."""
    width, height = random_.choice(SIZES)
    paper, ink = random_.choice(_PAPERS)
    canvas = np.full((height * _FINE, width * _FINE, 3), paper, np.uint8)
    columns, rows = random_.choice(((1, 1),) * 6 + ((2, 1), (3, 1), (2, 2), (3, 2)))
    if rows == 2 and height < 84:
        rows = 1
    picture = Picture(canvas)
    wide, high = canvas.shape[1] // columns, canvas.shape[0] // rows
    palette = {one.name: _rgb(one.hexadecimal) for one in random_.choice(PALETTES)}
    for row in range(rows):
        for column in range(columns):
            part = canvas[row * high : (row + 1) * high, column * wide : (column + 1) * wide]
            picture.panels.append(_panel(part, palette, ink, random_, alone=columns * rows == 1))
    picture.pixels = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(
        np.uint8
    )
    return picture


def questions(picture: Picture, random_: random.Random) -> list[tuple[str, str]]:
    """What can be told from the picture alone, each with its answer."""
    panels = picture.panels
    asked = [("How many panels are there?", str(len(panels)))]
    if len(panels) > 1:
        asked.append(("What kinds of panels are there?", ", ".join(KINDS[p.kind] for p in panels)))
        asked.append(("What is in each panel?", ", ".join(p.kind for p in panels)))
        asked.append(("Which colors do the panels have?", ", ".join(p.colors[0] for p in panels)))
        return asked
    [panel] = panels
    asked.append(("What kind of chart is it?", KINDS[panel.kind]))
    asked.append(("What is drawn?", panel.kind))
    if panel.kind in ("bars", "lying bars"):
        asked.append((f"How many {panel.kind} are there?", str(len(panel.values))))
        order = sorted(range(len(panel.values)), key=lambda one: -panel.values[one])
        asked.append(
            ("Which bar is highest, and which is lowest?", f"{order[0] + 1}, {order[-1] + 1}")
        )
        heights = ", ".join(str(round(20 * value) * 5) for value in panel.values)
        asked.append(("How high are the bars?", heights))
    elif panel.kind == "points":
        asked.append(("How many points are there?", str(len(panel.values))))
    asked.append(("Which colors are there?", ", ".join(panel.colors)))
    random_.shuffle(asked)
    return asked


def _rgb(code: str) -> Color:
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def _panel(
    part: Rgb, palette: dict[str, Color], ink: Color, random_: random.Random, *, alone: bool
) -> Panel:
    high, wide = part.shape[:2]
    left, right = int(wide * random_.uniform(0.1, 0.2)), int(wide * random_.uniform(0.86, 0.96))
    top, base = int(high * random_.uniform(0.12, 0.22)), int(high * random_.uniform(0.78, 0.88))
    kind = random_.choice(list(KINDS))
    series = random_.randint(1, 3) if alone and kind in ("bars", "line", "points") else 1
    colors = random_.sample(list(palette), series)
    _strokes(part, (left, top // 2), wide // 3, ink, random_)
    plot = part[top:base, left:right]
    values = [random_.uniform(0.08, 1.0) for _ in range(random_.randint(4, 9))]
    if kind == "slices":
        colors = random_.sample(list(palette), random_.randint(3, 6))
        _slices(plot, [palette[one] for one in colors], random_)
        return Panel(kind, colors, [])
    _axes(part, (left, top, right, base), ink, random_)
    shades = [palette[one] for one in colors]
    if kind == "bars":
        values = _bars(plot, values, shades, random_)
    elif kind == "lying bars":
        _bars(plot.transpose(1, 0, 2)[::-1], values, shades, random_)
    elif kind == "line":
        _lines(plot, len(values), shades, random_)
    else:
        _points(plot, values, shades, random_)
    if len(colors) > 1:
        _legend(part, shades, ink, random_)
    return Panel(kind, colors, values)


def _strokes(
    part: Rgb, at: tuple[int, int], length: int, ink: Color, random_: random.Random
) -> None:
    """Something like a word."""
    x, y = at
    for _ in range(max(2, length // 8)):
        tall = random_.randint(3, 8)
        cv2.rectangle(part, (x, y - tall // 2), (x + 2, y + tall // 2), ink, -1)
        x += random_.randint(5, 9)


def _axes(part: Rgb, box: tuple[int, int, int, int], ink: Color, random_: random.Random) -> None:
    left, top, right, base = box
    cv2.line(part, (left, base), (right, base), ink, 2)
    if random_.random() < 0.7:
        cv2.line(part, (left, top), (left, base), ink, 2)
    for number in range(5):
        y = base - (base - top) * number // 4
        _strokes(part, (max(0, left - 26), y), 16, ink, random_)
        x = left + (right - left) * number // 5 + 8
        _strokes(part, (x, base + 10), 24, ink, random_)


def _bars(
    plot: Rgb, values: list[float], shades: Sequence[Color], random_: random.Random
) -> list[float]:
    """Upright, as seen by `plot`; those of several series stand side by side."""
    high, wide = plot.shape[:2]
    if len(shades) > 1:
        values = values[:5]
    full = random_.uniform(0.6, 0.85)
    slot = wide / len(values)
    thin = slot * full / len(shades)
    drawn = np.ascontiguousarray(plot)
    for number, value in enumerate(values):
        for place, shade in enumerate(shades):
            tall = value if place == 0 else random_.uniform(0.08, 1.0)
            x = slot * (number + (1 - full) / 2) + thin * place
            corner = int(x + thin - 1), high - 1
            cv2.rectangle(drawn, (int(x), int(high * (1 - tall))), corner, shade, -1)
    plot[:] = drawn
    return values


def _lines(plot: Rgb, count: int, shades: Sequence[Color], random_: random.Random) -> None:
    high, wide = plot.shape[:2]
    drawn = np.ascontiguousarray(plot)
    for shade in shades:
        corners = [
            (int(wide * (number + 0.5) / count), int(high * random_.uniform(0.05, 0.95)))
            for number in range(count)
        ]
        cv2.polylines(drawn, [np.array(corners, np.int32)], False, shade, random_.randint(4, 7))
        for corner in corners:
            cv2.circle(drawn, corner, random_.randint(6, 9), shade, -1)
    plot[:] = drawn


def _points(
    plot: Rgb, values: Sequence[float], shades: Sequence[Color], random_: random.Random
) -> None:
    high, wide = plot.shape[:2]
    drawn = np.ascontiguousarray(plot)
    size = random_.randint(8, 12)
    for number, value in enumerate(values):
        x = int(wide * (number + random_.uniform(0.2, 0.8)) / len(values))
        cv2.circle(drawn, (x, int(high * (1 - value))), size, shades[number % len(shades)], -1)
    plot[:] = drawn


def _slices(plot: Rgb, shades: Sequence[Color], random_: random.Random) -> None:
    """One after the other, beginning at the top and to the right."""
    high, wide = plot.shape[:2]
    drawn = np.ascontiguousarray(plot)
    parts = [random_.uniform(1, 3) for _ in shades]
    angle, radius = -90.0, int(min(high, wide) * random_.uniform(0.4, 0.5))
    for part, shade in zip(parts, shades, strict=True):
        to = angle + 360 * part / sum(parts)
        middle = wide // 2, high // 2
        cv2.ellipse(drawn, middle, (radius, radius), 0, angle, to, shade, -1)
        angle = to
    plot[:] = drawn


def _legend(part: Rgb, shades: Sequence[Color], ink: Color, random_: random.Random) -> None:
    x, y = random_.randint(10, 60), random_.choice((8, part.shape[0] - 10))
    for shade in shades:
        cv2.rectangle(part, (x, y - 5), (x + 16, y + 5), shade, -1)
        _strokes(part, (x + 22, y), 40, ink, random_)
        x += 90
