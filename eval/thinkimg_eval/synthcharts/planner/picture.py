"""One image of an episode, and the tools on it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from thinkimg_eval.synthcharts.planner.look import Finding, Look
from thinkimg_eval.synthcharts.planner.places import Box, Scale
from thinkimg_eval.synthcharts.planner.texts import Span, spans_in
from thinkimg_rpc.imaging.codec import decode

Call = tuple[str, dict[str, Any]]
_ENDS_A_PART = re.compile(r"[.;]+")
_MOST_SHOWN = 1 << 24


@dataclass(frozen=True)
class Found:
    """A place that a query led to."""

    label: str
    """The part of the query."""
    box: Box
    score: float


@dataclass(frozen=True)
class Closer:
    """A part of a picture, seen closer."""

    pixels: NDArray[np.float32]
    """(H, W, 3) RGB, as shown."""
    box: Box
    """Which part of the picture it is."""

    def part(self, box: Box) -> NDArray[np.float32]:
        """What is in a box of the picture."""
        x0, x1 = ((x - self.box.x0) / self.box.width for x in (box.x0, box.x1))
        y0, y1 = ((y - self.box.y0) / self.box.height for y in (box.y0, box.y1))
        return _part(self.pixels, Box(x0, y0, x1, y1))


@dataclass(frozen=True)
class Picture:
    """An image by its name."""

    look: Look
    name: str

    @property
    def scale(self) -> Scale:
        return self.look.scale_of(self.name)

    def reading(self) -> Call:
        return "OCR", {"image": self.name}

    def search(self, *wanted: str) -> Call:
        """A search for several things at once."""
        return "GroundingDINO", {"image": self.name, "query": ". ".join(map(query_part, wanted))}

    def cut(self, box: Box, scale: float | None = None) -> Call:
        arguments: dict[str, Any] = {"image": self.name, "box": self.scale.write_box(box)}
        return "Crop", arguments if scale is None else {**arguments, "scale": scale}

    def texts(self, thought: str = "I read the text first.") -> list[Span]:
        """All text of the picture. Raises: NotYetSeen."""
        [found] = self.look.see(thought, self.reading())
        return spans_in(found, self.scale)

    def texts_and(self, things: str, *wanted: str) -> tuple[list[Span], list[Found]]:
        """All text, and the places of some things, asked for in one turn. Raises: NotYetSeen."""
        first = not self.look.has_seen(self.reading())
        thought = f"I read the text and look for {things}." if first else f"I look for {things}."
        read, searched = self.look.see(thought, self.reading(), self.search(*wanted))
        return spans_in(read, self.scale), self._places(searched)

    def places(self, thought: str, *wanted: str) -> list[Found]:
        """Raises: NotYetSeen."""
        [searched] = self.look.see(thought, self.search(*wanted))
        return self._places(searched)

    def closer(self, thought: str, *boxes: Box) -> list[Closer]:
        """Parts of the picture, cut out in one turn; without the tool, those of the view.

        Raises: NotYetSeen.
        """
        seen = self.look.see(thought, *(self.cut(box) for box in boxes))
        return [self._cut(finding, box) for finding, box in zip(seen, boxes, strict=True)]

    def draw_line(self, thought: str, direction: Literal["x", "y"], place: float) -> None:
        """Look at a place against the ticks of an axis. Raises: NotYetSeen."""
        if direction == "y":
            call: Call = (
                "DrawHorizontalLineByY",
                {"image": self.name, "y": self._below_far(1, place)},
            )
        else:
            call = "DrawVerticalLineByX", {"image": self.name, "x": self._below_far(0, place)}
        self.look.see(thought, call)

    def _below_far(self, side: int, place: float) -> float:
        """A place as it is written, never on the far edge, which is outside."""
        step = 10.0**-self.scale.space.decimals
        written = self.scale.write_x(place) if side == 0 else self.scale.write_y(place)
        return min(written, self.scale.far[side] - step)

    def view(self) -> NDArray[np.float32]:
        """(H, W, 3) the picture as shown."""
        image = self.look.images[self.name]
        return decode(image.shown, max_pixels=_MOST_SHOWN).astype(np.float32)

    def _cut(self, finding: Finding, box: Box) -> Closer:
        name = finding.value("image")
        if name in self.look.images:
            kept = finding.value("box")
            whole = self.scale.read_box(kept) if kept else box
            return Closer(Picture(self.look, str(name)).view(), whole)
        return Closer(_part(self.view(), box), box)

    def _places(self, finding: Finding) -> list[Found]:
        return [
            Found(str(item["label"]), self.scale.read_box(item["box"]), float(item["score"]))
            for item in finding.items("detections")
            if {"label", "box", "score"} <= item.keys()
        ]


def query_part(text: str) -> str:
    """A text as one part of a query, which full stops end."""
    return " ".join(_ENDS_A_PART.sub(" ", text).split())


def of_name(things: str, name: str) -> str:
    """How the things with a name are searched for; all of them if there is none."""
    if not name:
        return things
    plain = name.replace("'", " ")
    return f"{things} of '{plain}'"


def labelled(found: Sequence[Found], wanted: str) -> list[Box]:
    """The places of one of the things searched for."""
    return [one.box for one in found if one.label == query_part(wanted)]


def _part(pixels: NDArray[np.float32], box: Box) -> NDArray[np.float32]:
    height, width = pixels.shape[:2]
    x0, y0 = int(box.x0 * width), int(box.y0 * height)
    x1, y1 = int(np.ceil(box.x1 * width)), int(np.ceil(box.y1 * height))
    return pixels[max(0, y0) : max(y0 + 1, y1), max(0, x0) : max(x0 + 1, x1)]
