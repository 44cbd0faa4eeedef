"""Figures of simple panels, with the text that a reader would find in them."""

from __future__ import annotations

import cv2
import numpy as np

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_workers.panels.detection import Panel
from thinkimg_workers.panels.places import Layout, layout_of
from thinkimg_workers.panels.rect import Rect
from thinkimg_workers.text_line import TextLine

TITLES = ("Revenue rate", "Wages index", "Rainfall", "Second quarter", "Exports", "Housing")


class Canvas:
    """A white picture and the lines of text written on it."""

    def __init__(self, width: int, height: int, background: int = 255) -> None:
        self.pixels: Pixels = np.full((height, width, 3), background, np.uint8)
        self.ink = (0, 0, 0) if background > 127 else (255, 255, 255)
        self.lines: list[TextLine] = []

    def write(self, text: str, x: int, y: int, scale: float = 0.4) -> None:
        """Text whose lower left corner is at (x, y)."""
        (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        cv2.putText(self.pixels, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, self.ink, 1)
        box = (x, y - height - 1, x + width + 1, y + below)
        corners = [(box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3])]
        self.lines.append(TextLine(text, np.array(corners, np.float32), 0.99))

    def plot(self, x: int, y: int, width: int, height: int, title: str = "") -> Rect:
        """A frame with bars, numbers below and a title over it. Returns its panel's box."""
        cv2.rectangle(self.pixels, (x, y), (x + width - 1, y + height - 1), self.ink, 1)
        for bar in range(3):
            left, top = x + 15 + bar * width // 3, y + height - 20 * (bar + 1)
            right, bottom = left + width // 6, y + height - 1
            cv2.rectangle(self.pixels, (left, top), (right, bottom), (30, 110, 180), cv2.FILLED)
            self.write(str(bar + 1), left + 5, y + height + 15)
        if title:
            (text_width, _), _ = cv2.getTextSize(title, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)
            self.write(title, x + (width - text_width) // 2, y - 8, 0.45)
        return Rect(x, y - 20 if title else y, x + width, y + height + 17)


def grid(rows: int, columns: int, titles: tuple[str, ...] = TITLES) -> tuple[Canvas, list[Rect]]:
    """A figure of equal panels, and their boxes row by row."""
    canvas = Canvas(40 + 200 * columns, 40 + 170 * rows)
    boxes = []
    for number in range(rows * columns):
        row, column = divmod(number, columns)
        title = titles[number] if number < len(titles) else ""
        boxes.append(canvas.plot(40 + 200 * column, 40 + 170 * row, 150, 110, title))
    return canvas, boxes


def layout(rows: int, columns: int, titles: tuple[str, ...] = TITLES) -> Layout:
    """The layout of a full grid, without a picture."""
    panels = []
    for number in range(rows * columns):
        row, column = divmod(number, columns)
        area = Rect(100 * column, 100 * row, 100 * column + 80, 100 * row + 70)
        title = titles[number] if number < len(titles) else ""
        panels.append(Panel(area, area, title, (title,) if title else ()))
    return layout_of(panels)
