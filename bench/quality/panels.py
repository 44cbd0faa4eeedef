"""How well ZoominSubplot finds a figure's panels, and the one that is described.

Figures are drawn by `bench.quality.figures`, which knows where their panels are,
with seeds and, for the second row, a style that the tool was not developed on. A
panel is found if a returned box overlaps it with an IoU of 0.9; the described one
comes first if the first box is that panel's and no other's (an IoU of 0.5).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from bench.quality.descriptions import Question, questions_about
from bench.quality.figures import Box, Figure, Style, draw_figure
from bench.report import Goal, Section
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_rpc.v1 import ZoominSubplotRequest
from thinkimg_workers.zoomin_subplot import ZoominSubplot

STYLES: tuple[tuple[str, Style, range], ...] = (
    ("styles developed on", "develop", range(3000, 3100)),
    ("held-out style", "held_out", range(3000, 3200)),
)
FOUND, SAME = 0.9, 0.5
GOAL_FOUND, GOAL_FIRST = 0.97, 0.95
SHEET_FIGURES, SHEET_CELL = 16, (480, 380)
TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Outcome:
    """One figure: the boxes of all panels that were found, and which questions were answered."""

    figure: Figure
    boxes: tuple[Box, ...]
    answered: tuple[tuple[Question, bool], ...]

    @property
    def found(self) -> int:
        return sum(
            any(iou(panel.box, box) >= FOUND for box in self.boxes) for panel in self.figure.panels
        )

    @property
    def extra(self) -> int:
        """Boxes that are no panel's."""
        return sum(
            all(iou(panel.box, box) < SAME for panel in self.figure.panels) for box in self.boxes
        )


def measure(progress: Progress) -> Section:
    """Shares of panels found and of descriptions answered, on styles developed on and not."""
    section = Section("ZoominSubplot", ("", *(name for name, _, _ in STYLES)))
    groups = []
    for name, style, seeds in STYLES:
        task = progress.add_task(f"figures, {name}", total=len(seeds))
        groups.append(asyncio.run(outcomes(style, progress.track(seeds, task_id=task))))
    section.rows += [
        ("figures", *(str(len(group)) for group in groups)),
        ("panels", *(str(sum(len(one.figure.panels) for one in group)) for group in groups)),
        (f"panels found (IoU {FOUND})", *(f"{found_share(group):.3f}" for group in groups)),
        ("boxes that are no panel", *(str(sum(one.extra for one in group)) for group in groups)),
        ("described panel first", *(f"{first_share(group):.3f}" for group in groups)),
    ]
    for kind in sorted({kind for group in groups for kind in _kinds(group)}):
        section.rows.append((f"    by {kind}", *(_share_of_kind(group, kind) for group in groups)))
    for (name, _, _), group in zip(STYLES, groups, strict=True):
        found, first = found_share(group), first_share(group)
        section.goals += [
            Goal(
                f"panels found at least {GOAL_FOUND}, {name}", f"{found:.3f}", found >= GOAL_FOUND
            ),
            Goal(
                f"described panel first at least {GOAL_FIRST}, {name}",
                f"{first:.3f}",
                first >= GOAL_FIRST,
            ),
        ]
    section.notes.append(
        "A panel is its axes with title, labels, legend, insets and colour bar, as far as drawn."
    )
    return section


async def outcomes(style: Style, seeds: Iterable[int]) -> list[Outcome]:
    """Ask about the figures of some seeds through a mesh."""
    async with Mesh.local([ZoominSubplot]) as mesh:
        return [await _outcome(mesh, style, seed) for seed in seeds]


async def _outcome(mesh: Mesh, style: Style, seed: int) -> Outcome:
    figure = draw_figure(seed, style=style)
    image = mesh.image(encode_png(figure.pixels))

    async def boxes(description: str, most: int) -> list[Box]:
        request = ZoominSubplotRequest(image=image, description=description, max_results=most)
        answer = await mesh.send(request, timeout_s=TIMEOUT_S)
        return [(one.box.x0, one.box.y0, one.box.x1, one.box.y1) for one in answer.subplots]

    answered = [
        (question, is_panel(figure, question, await boxes(question.text, 1)))
        for question in questions_about(figure, seed)
    ]
    return Outcome(figure, tuple(await boxes("all panels", 32)), tuple(answered))


def is_panel(figure: Figure, question: Question, boxes: Sequence[Box]) -> bool:
    """Whether the first box is the panel asked for."""
    if not boxes:
        return False
    nearest = max(figure.panels, key=lambda panel: iou(panel.box, boxes[0]))
    return nearest is question.panel and iou(nearest.box, boxes[0]) >= SAME


def iou(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (areas - width * height)


def found_share(group: Sequence[Outcome]) -> float:
    return sum(one.found for one in group) / sum(len(one.figure.panels) for one in group)


def first_share(group: Sequence[Outcome]) -> float:
    answers = [right for one in group for _, right in one.answered]
    return sum(answers) / max(1, len(answers))


def _kinds(group: Sequence[Outcome]) -> Counter[str]:
    return Counter(question.kind for one in group for question, _ in one.answered)


def _share_of_kind(group: Sequence[Outcome], kind: str) -> str:
    right = [right for one in group for question, right in one.answered if question.kind == kind]
    return f"{sum(right) / len(right):.3f} of {len(right)}" if right else "-"


def contact_sheet(folder: Path) -> Path:
    """Figures with the boxes found in red over the true ones in green; the worst come first."""
    _, style, seeds = STYLES[-1]
    some = asyncio.run(outcomes(style, seeds[: 3 * SHEET_FIGURES]))
    some.sort(key=lambda one: one.found / len(one.figure.panels))
    cells = [_cell(one) for one in some[:SHEET_FIGURES]]
    rows = [np.hstack(cells[at : at + 4]) for at in range(0, len(cells), 4)]
    path = folder / "panels.png"
    path.write_bytes(encode_png(np.vstack(rows)))
    return path


def _cell(outcome: Outcome) -> NDArray[np.uint8]:
    picture = outcome.figure.pixels.copy()
    line = max(1, max(picture.shape) // 300)
    truth = tuple(panel.box for panel in outcome.figure.panels)
    for boxes, color, width in ((truth, (0, 180, 0), 3 * line), (outcome.boxes, (230, 0, 0), line)):
        for box in boxes:
            x0, y0, x1, y1 = (round(edge) for edge in box)
            cv2.rectangle(picture, (x0, y0), (x1, y1), color, width)
    across, down = SHEET_CELL
    scale = min((across - 8) / picture.shape[1], (down - 8) / picture.shape[0])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cell = np.full((down, across, 3), 200, np.uint8)
    cell[4 : 4 + small.shape[0], 4 : 4 + small.shape[1]] = small
    return cell
