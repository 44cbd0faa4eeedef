"""A picture as a chart: its texts, its marks, its legends, each made out when asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from thinkimg_rpc.imaging.rgb import Pixels, known_uint8
from thinkimg_workers.grounding import layout
from thinkimg_workers.grounding.boxes import Box, union_of
from thinkimg_workers.grounding.legend import Legend, find_legends
from thinkimg_workers.grounding.marks import Marks, find_marks
from thinkimg_workers.grounding.palette import Palette, palette_of
from thinkimg_workers.grounding.pieces import Piece, pieces_of
from thinkimg_workers.grounding.texts import Words, words_in
from thinkimg_workers.grounding.things import Thing
from thinkimg_workers.grounding.vocabulary import Role
from thinkimg_workers.panels.detection import find_panels

if TYPE_CHECKING:
    from thinkimg_workers.text_line import TextLine

_LONGEST_SIDE = 1600
"""Larger pictures are reduced to this."""
_MOST = 0.6
"""So many of a figure's panels must stand alone for any of them to be one."""


class Scene:
    """One picture, (H, W, 3), seen at `scale` times its size."""

    def __init__(
        self, pixels: Pixels, lines: Sequence[TextLine], check_deadline: Callable[[], None]
    ) -> None:
        height, width = pixels.shape[:2]
        self.scale = min(1.0, _LONGEST_SIDE / max(height, width))
        self._pixels = pixels if self.scale == 1 else _reduced(pixels, self.scale)
        self._check_deadline = check_deadline
        self._lines = [line._replace(corners=line.corners * self.scale) for line in lines]
        self.words: list[Words] = words_in(lines, self._pixels, self.scale)
        check_deadline()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as seen."""
        return self._pixels.shape[1], self._pixels.shape[0]

    @property
    def whole(self) -> Box:
        return Box(0, 0, *self.size)

    @cached_property
    def palette(self) -> Palette:
        text = np.zeros(self._pixels.shape[:2], bool)
        for one in self.words:
            x0, y0, x1, y1 = (round(edge) for edge in one.box)
            text[y0:y1, x0:x1] = True
        return palette_of(self._pixels, text)

    @cached_property
    def pieces(self) -> list[Piece]:
        return pieces_of(self.palette, self._check_deadline)

    @cached_property
    def legends(self) -> list[Legend]:
        return find_legends(self.pieces, self.words, self.palette, self._pixels)

    @cached_property
    def marks(self) -> Marks:
        return find_marks(self.pieces, self.words, self.palette, self.legends, self._check_deadline)

    @cached_property
    def panels(self) -> list[Thing]:
        """Each plot with all that belongs to it, in reading order."""
        found = find_panels(self._pixels, self._lines)
        panels = [
            Thing("panel", Box(*map(float, panel.box)), 0.85, " ".join((panel.title, *panel.words)))
            for panel in found
        ]
        return _in_rows(panels)

    @cached_property
    def plots(self) -> list[tuple[Box, Box]]:
        """The area data are drawn in, and that with its surroundings, of each plot."""
        data = self.marks.data
        panels = [panel.box for panel in self.panels]
        owned = [[thing for thing in data if box.has_middle_of(thing.box)] for box in panels]
        pairs = [(own, box) for own, box in zip(owned, panels, strict=True) if own]
        alone = [self._stands_alone(layout.content_of(own, box), box) for own, box in pairs]
        if len(pairs) > 1 and sum(alone) > _MOST * len(pairs):
            return [(self._plot_of(own, box), box) for own, box in pairs]
        return [(self._plot_of(data, self.whole), self.whole)]

    def _stands_alone(self, data: Box, panel: Box) -> bool:
        """Whether data have ticks to their left or a title of their own.

        What has neither is a group of bars that stands away from the others.
        """
        own = [one for one in self.free_words if panel.has_middle_of(one.box)]
        beside = [
            one
            for one in own
            if one.box.middle[0] < data.x0 and data.y0 - one.size < one.box.y1 < data.y1 + one.size
        ]
        above = [one for one in own if one.box.y1 <= data.y0 and not one.is_number]
        return len(beside) >= 2 or bool(above)

    def _plot_of(self, data: Sequence[Thing], around: Box) -> Box:
        rules = [rule for rule in self.marks.rules if around.has_middle_of(rule.box)]
        content = layout.content_of(data, around)
        if not data:
            return layout.content_of(rules, around)
        # An axis starts where the data do, or goes along them; a line under the text does not.
        near = content.grown(0.12 * max(content.width, content.height) + 3)
        near = near.clipped(*self.size)
        axes = [rule.box for rule in rules if near.has(*rule.box[:2]) and near.has(*rule.box[2:])]
        return union_of([content, *axes])

    @cached_property
    def free_words(self) -> list[Words]:
        """All text but the names in legends."""
        legends = [legend.box.grown(1) for legend in self.legends]
        return [one for one in self.words if not any(box.has_middle_of(one.box) for box in legends)]

    @cached_property
    def axis_texts(self) -> dict[Role, list[Thing]]:
        """Labels and ticks."""
        found: dict[Role, list[Thing]] = {"x_label": [], "y_label": [], "x_tick": [], "y_tick": []}
        drawn = self.palette.labels != 0
        if self.marks.data and not self.marks.wedges:
            for plot, whole in self.plots:
                kinds = layout.axis_labels(self.free_words, plot, whole, drawn)
                for things, more in zip(found.values(), kinds, strict=True):
                    things += more
        return found

    @cached_property
    def titles(self) -> tuple[list[Thing], list[Thing]]:
        """Titles, and what is written under them."""
        data = self.marks.data
        top = (
            min((plot.y0 for plot, _ in self.plots), default=self.whole.y1)
            if data
            else 0.25 * self.size[1]
        )
        return layout.titles_in(self.free_words, self.whole._replace(y0=top + 1))

    def with_role(self, role: Role) -> list[Thing]:
        """Everything that is one, in no particular order."""
        match role:
            case "bar":
                return self.marks.bars
            case "line":
                return self.marks.lines
            case "wedge":
                return self.marks.wedges
            case "pie":
                return self.marks.pies
            case "marker":
                return self.marks.markers
            case "region":
                return self.marks.regions
            case "legend":
                return [Thing("legend", legend.box, 0.9) for legend in self.legends]
            case "legend_entry" | "swatch":
                return self._entries(role)
            case "title":
                return self.titles[0]
            case "subtitle":
                return self.titles[1]
            case "x_label" | "y_label" | "x_tick" | "y_tick":
                return self.axis_texts[role]
            case "x_axis" | "y_axis":
                return self._axes(role)
            case "panel":
                return self.panels
            case "plot_area":
                there = self.marks.data or self.marks.rules
                return [Thing("plot_area", plot, 0.6) for plot, _ in self.plots] if there else []
            case "note":
                bottom = max(plot.y1 for plot, _ in self.plots)
                return layout.notes_in(self.free_words, self.whole._replace(y1=bottom))
            case "text":
                return [Thing("text", one.box, 0.8, one.text) for one in self.words]

    def _entries(self, role: Role) -> list[Thing]:
        entries = [entry for legend in self.legends for entry in legend.entries]
        return [
            Thing(
                role,
                entry.box if role == "legend_entry" else entry.swatch.box,
                0.85,
                entry.name.text,
                entry.swatch.color,
                (entry.swatch,) if role == "swatch" else (),
            )
            for entry in entries
        ]

    def _axes(self, role: Role) -> list[Thing]:
        """Axes with their ticks and labels."""
        found = []
        for plot, whole in self.plots:
            texts = [
                thing.box
                for kind in ((role.replace("axis", "tick")), (role.replace("axis", "label")))
                for thing in self.axis_texts[kind]  # type: ignore[index]
                if whole.has_middle_of(thing.box)
            ]
            if texts:
                line = (
                    plot._replace(y0=plot.y1 - 1)
                    if role == "x_axis"
                    else plot._replace(x1=plot.x0 + 1)
                )
                found.append(Thing(role, union_of([line, *texts]), 0.75))
        return found


def _in_rows(things: Sequence[Thing]) -> list[Thing]:
    """From top to bottom and, side by side, from left to right."""
    rows: list[list[Thing]] = []
    for thing in sorted(things, key=lambda thing: thing.box.middle[1]):
        if rows and abs(rows[-1][0].box.middle[1] - thing.box.middle[1]) < 0.5 * thing.box.height:
            rows[-1].append(thing)
        else:
            rows.append([thing])
    return [thing for row in rows for thing in sorted(row, key=lambda thing: thing.box.x0)]


def _reduced(pixels: Pixels, scale: float) -> Pixels:
    height, width = pixels.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return known_uint8(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
