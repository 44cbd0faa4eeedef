"""How well GroundingDINO and Point find what is asked for, without a model.

On drawn charts, in the styles the detector was developed on and in others, and on
real charts whose boxes were drawn by hand. All through the tools, over the wire.
"""

from __future__ import annotations

import asyncio
import statistics
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from bench.ocr_recall import CHARTS
from bench.quality.questions import Question, questions_about
from bench.report import Goal, Section
from thinkimg_eval.charts import KINDS, Element, draw_chart
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.imaging.codec import decode, encode_png
from thinkimg_rpc.settings import ModelSettings
from thinkimg_rpc.v1 import GroundingDINORequest, PointRequest
from thinkimg_workers.grounding_dino import GroundingDINO
from thinkimg_workers.point import Point

HAND_BOXES = Path(__file__).with_name("hand_boxes.toml")
SEEDS = range(100, 103)
"""One chart of every kind for each: none of those the detector was developed on."""
RECALL_GOAL, POINT_GOAL = 0.9, 0.95
ASKED_IN_GOAL = ("the red bar", "legend", "title", "x axis label", "a name in the legend")
SHEET_CHARTS = 12
TIMEOUT_S = 120.0
_COLORS = ((220, 0, 0), (0, 0, 220), (0, 150, 0), (200, 0, 200), (0, 150, 150), (230, 120, 0))

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Case:
    """One picture and what is asked of it."""

    name: str
    image: bytes
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Outcome:
    """What came back for one question."""

    case: Case
    question: Question
    boxes: list[tuple[float, float, float, float]]
    point: tuple[float, float] | None
    seconds: float

    @property
    def recall(self) -> float:
        return self.question.recall(self.boxes)

    @property
    def precision(self) -> float:
        return self.question.precision(self.boxes)

    @property
    def hit(self) -> bool:
        return self.point is not None and self.question.is_hit(*self.point)


def drawn_cases(style: str, seeds: Iterable[int] = SEEDS) -> list[Case]:
    charts = [(seed, kind, draw_chart(seed, kind=kind, style=style))
              for seed in seeds for kind in KINDS]  # fmt: skip
    return [
        Case(f"{style} {kind} {seed}", encode_png(chart.pixels), tuple(questions_about(chart)))
        for seed, kind, chart in charts
    ]


def real_cases(charts: Path = CHARTS) -> list[Case]:
    """The charts with boxes drawn by hand; none where the charts are not."""
    if not charts.is_dir():
        return []
    with HAND_BOXES.open("rb") as file:
        records = tomllib.load(file)["question"]
    cases = []
    for name in dict.fromkeys(record["chart"] for record in records):
        image = (charts / name).read_bytes()
        pixels = decode(image, max_pixels=1 << 26)
        asked = [record for record in records if record["chart"] == name]
        cases.append(Case(name, image, tuple(_question(record, pixels) for record in asked)))
    return cases


async def outcomes_of(cases: Iterable[Case]) -> list[Outcome]:
    """Every question of every case, to both tools."""
    outcomes = []
    async with (
        Mesh.local([GroundingDINO], models=ModelSettings(backend="classical")) as grounding,
        Mesh.local([Point], models=ModelSettings(backend="grounding")) as pointing,
    ):
        for case in cases:
            image, same = grounding.image(case.image), pointing.image(case.image)
            # Reads the text, which all that follows shares.
            await grounding.send(
                GroundingDINORequest(image=image, query="text"), timeout_s=TIMEOUT_S
            )
            for question in case.questions:
                begin = time.perf_counter()
                found = await grounding.send(
                    GroundingDINORequest(image=image, query=question.text), timeout_s=TIMEOUT_S
                )
                seconds = time.perf_counter() - begin
                pointed = await pointing.send(
                    PointRequest(image=same, description=question.text), timeout_s=TIMEOUT_S
                )
                boxes = [
                    (one.box.x0, one.box.y0, one.box.x1, one.box.y1) for one in found.detections
                ]
                first = pointed.points[0].point if pointed.points else None
                point = (first.x, first.y) if first is not None else None
                outcomes.append(Outcome(case, question, boxes, point, seconds))
    return outcomes


def measure(progress: Progress) -> Section:
    """Recall and precision of boxes, and how often the first point is on the thing itself."""
    section = Section(
        "GroundingDINO and Point without a model", ("", "asked", "recall", "precision", "point on")
    )
    sources = {style: drawn_cases(style) for style in ("develop", "held_out")}
    for name, cases in {**sources, "real": real_cases()}.items():
        if not cases:
            section.notes.append(f"Real charts left out: there is no {CHARTS.name}.")
            continue
        outcomes = asyncio.run(outcomes_of(progress.track(cases, description=f"ground: {name}")))
        _add(section, _TITLES[name], outcomes)
    section.notes.append(
        "Recall: the part of the things described that a box overlaps by half (IoU 0.5); "
        "precision: the part of the boxes that is right; point on: the first point lies on "
        "one of the things themselves. Each is a mean over questions."
    )
    return section


_TITLES = {
    "develop": "drawn charts, styles developed on",
    "held_out": "drawn charts, other styles",
    "real": "real charts, boxes by hand",
}


def _add(section: Section, title: str, outcomes: Sequence[Outcome]) -> None:
    """A source's rows, goals and slowness."""
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.question.group].append(outcome)
    named = [outcome for group in ASKED_IN_GOAL for outcome in groups.get(group, [])]
    charts = len({outcome.case.name for outcome in outcomes})
    section.rows.append(_row(f"{charts} {title}", outcomes))
    section.rows += [_row(f"    {group}", groups[group]) for group in sorted(groups)]
    recall = statistics.mean(outcome.recall for outcome in named)
    hits = statistics.mean(outcome.hit for outcome in outcomes)
    section.goals += [
        Goal(f"{title}: recall at least {RECALL_GOAL}", f"{recall:.3f}", recall >= RECALL_GOAL),
        Goal(f"{title}: points on it at least {POINT_GOAL}", f"{hits:.3f}", hits >= POINT_GOAL),
    ]
    median = statistics.median(outcome.seconds for outcome in outcomes)
    section.notes.append(f"{title}: {median * 1e3:.0f} ms a question, its text already read.")


def _row(title: str, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    figures = (
        statistics.mean(outcome.recall for outcome in outcomes),
        statistics.mean(outcome.precision for outcome in outcomes),
        statistics.mean(outcome.hit for outcome in outcomes),
    )
    return (title, str(len(outcomes)), *(f"{figure:.3f}" for figure in figures))


def _question(record: dict[str, Any], pixels: Pixels) -> Question:
    """A record of the hand-drawn boxes. A line's place is the pixels of its colour."""
    boxes = [tuple(float(edge) for edge in box) for box in record["boxes"]]
    answers = tuple(Element("annotation", (x0, y0, x1, y1)) for x0, y0, x1, y1 in boxes)
    drawn = None
    if "color" in record:
        color = np.array(list(bytes.fromhex(record["color"].removeprefix("#"))))
        near = np.abs(pixels.astype(int) - color).max(axis=2) <= 40
        drawn = cv2.dilate(near.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return Question(record["group"], record["text"], answers, drawn=drawn)


def contact_sheet(folder: Path) -> Path:
    """Charts with everything found in them, each question in a colour of its own."""
    cases = [*drawn_cases("held_out", SEEDS[:1]), *real_cases()]
    cases = [*cases[:8], *cases[8 :: max(1, len(cases[8:]) // 8)]][:SHEET_CHARTS]
    outcomes = asyncio.run(outcomes_of(cases))
    tiles = [
        _tile(case, [outcome for outcome in outcomes if outcome.case is case]) for case in cases
    ]
    rows = [np.hstack(tiles[start : start + 4]) for start in range(0, len(tiles) // 4 * 4, 4)]
    path = folder / "grounding.png"
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
    return path


def _tile(case: Case, outcomes: Sequence[Outcome], side: int = 560) -> Pixels:
    """One chart, its questions listed under it."""
    pixels = decode(case.image, max_pixels=1 << 26)
    scale = min(side / pixels.shape[1], side / pixels.shape[0])
    image = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    tile = np.full((side + 210, side + 10, 3), 255, np.uint8)
    for at, outcome in enumerate(outcomes[:14]):
        color = _COLORS[at % len(_COLORS)]
        for box in outcome.boxes:
            x0, y0, x1, y1 = (round(edge * scale) for edge in box)
            cv2.rectangle(image, (x0, y0), (x1, y1), color, 1)
        if outcome.point:
            x, y = (round(value * scale) for value in outcome.point)
            cv2.circle(image, (x, y), 4, color, -1)
            cv2.circle(image, (x, y), 5, (255, 255, 255), 1)
        text = f"{outcome.question.text}: {outcome.recall:.2f}"
        place = (5 + at % 2 * side // 2, side + 22 + at // 2 * 22)
        cv2.putText(tile, text[:34], place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, color)
    tile[: image.shape[0], : image.shape[1]] = image
    return tile
