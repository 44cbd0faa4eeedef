"""How much of the text on charts OCR reads, beside RapidOCR with its own defaults.

The settings were settled on every other of the real charts ("first half", by sorted
name) and on generated charts of the style "develop"; the halves and styles not looked
at are what counts. Words and recall are those of `bench.ocr_recall`; precision is the
same from the other side: the share of returned words that the truth has.

The text recorded for the real charts is OCR output with errors of its own, most of them
of spacing ("ofthe", "tknow", "we bsite"). So the same figures stand there *spacing aside*:
a word also counts as found if the other side has it joined with its neighbours or in parts.
"""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont
from rapidocr import RapidOCR
from rich.progress import Progress

from bench.ocr_recall import CHARTS, Words, words_of
from bench.report import Goal, Section
from thinkimg_eval.charts import KINDS, draw_chart
from thinkimg_workers.ocr import extent_of
from thinkimg_workers.reading_order import in_reading_order
from thinkimg_workers.text_line import TextLine
from thinkimg_workers.text_reader import TextReader

RECALL_GOAL, GENERATED_GOAL, TIME_GOAL = 0.96, 0.98, 1.5
GENERATED = 40
FIRST_UNSEEN_SEED = 5000
MIN_SCORE = 0.5
MOST_JOINED = 6
ROLES = (
    *("title", "x_label", "y_label", "x_tick", "y_tick"),
    *("legend_entry", "panel_title", "annotation"),
)
SHEET_SEEDS = (3, 15, 19)
SHEET_REAL = 3

Pixels = NDArray[np.uint8]
Read = Callable[[Pixels], list[str]]


@dataclass
class Tally:
    """Words of many charts, one reader's."""

    wanted: int = 0
    missed: int = 0
    missed_aside: int = 0
    """Spacing aside."""
    returned: int = 0
    extra: int = 0
    seconds: list[float] = field(default_factory=list)

    def add(self, truth: Sequence[str], lines: Sequence[str], seconds: float = 0) -> None:
        wanted, returned = words_of(truth), words_of(lines)
        self.wanted += wanted.total()
        self.returned += returned.total()
        missed = missing(wanted, returned)
        self.missed += missed.total()
        self.missed_aside += spacing_aside(missed, truth, lines).total()
        self.extra += missing(returned, wanted).total()
        self.seconds.append(seconds)

    @property
    def recall(self) -> float:
        return 1 - self.missed / max(1, self.wanted)

    @property
    def recall_aside(self) -> float:
        return 1 - self.missed_aside / max(1, self.wanted)

    @property
    def precision(self) -> float:
        return 1 - self.extra / max(1, self.returned)

    @property
    def median_s(self) -> float:
        return statistics.median(self.seconds)

    def cells(self) -> tuple[str, ...]:
        figures = (self.recall, self.precision, self.recall_aside)
        seconds = f"{self.median_s:.2f}" if any(self.seconds) else ""
        return (*(f"{figure:.3f}" for figure in figures), seconds)


def missing(wanted: Words, found: Words) -> Words:
    """The words that were not found at all, as often as they are wanted."""
    return Counter({word: n for word, n in wanted.items() if word not in found})


def spacing_aside(missed: Words, wanted: Sequence[str], lines: Sequence[str]) -> Words:
    """Those of the missed words that are not there in parts or joined with others either."""
    found = set(words_of(lines)) | joined(lines).keys()
    in_parts = {part for whole, parts in joined(wanted).items() if whole in found for part in parts}
    return Counter({w: n for w, n in missed.items() if w not in found and w not in in_parts})


def joined(lines: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """What neighbouring words of a line give without the spaces between them."""
    wholes = {}
    for line in lines:
        # One at a time, because counted words have no order.
        words = [word for piece in line.split() for word in _in_order(piece)]
        for start in range(len(words)):
            for stop in range(start + 2, min(start + MOST_JOINED, len(words)) + 1):
                wholes["".join(words[start:stop])] = tuple(words[start:stop])
    return wholes


def _in_order(piece: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in piece.casefold()).split()


def open_readers() -> tuple[Read, Read]:
    """Ours, and RapidOCR as it comes."""
    reader = TextReader()
    usual: Any = RapidOCR(params={"Global.log_level": "error"})

    def ours(pixels: Pixels) -> list[str]:
        return [line.text for line in sure_lines(reader, pixels)]

    def defaults(pixels: Pixels) -> list[str]:
        return list(usual(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)).txts or ())

    return ours, defaults


def sure_lines(reader: TextReader, pixels: Pixels) -> list[TextLine]:
    """What the tool returns without `min_score`, in its order."""
    lines = [line for line in reader.read(pixels, lambda: None) if line.score >= MIN_SCORE]
    return in_reading_order(lines, extent_of)


def measure(progress: Progress) -> Section:
    """Recall, precision and time on real charts, generated ones and labels on their side."""
    columns = ("", "recall", "precision", "recall, spacing aside", "seconds, median")
    section = Section("OCR: words on charts", columns)
    ours, defaults = open_readers()
    if (CHARTS / "text.json").exists():
        _measure_real(section, ours, defaults, progress)
    else:
        section.notes.append(f"Real charts left out: there is no {CHARTS.name}/text.json.")
    _measure_generated(section, ours, defaults, progress)
    return section


def _measure_real(section: Section, ours: Read, defaults: Read, progress: Progress) -> None:
    records = sorted(
        json.loads((CHARTS / "text.json").read_text()), key=lambda record: str(record["image"])
    )
    tallies = {(half, who): Tally() for half in ("first", "other", "all") for who in (0, 1)}
    missed: Words = Counter()
    for number, record in enumerate(progress.track(records, description="real charts")):
        bgr = cv2.imread(str(CHARTS / record["image"]))
        assert bgr is not None
        pixels = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        truth = [item["text"] for item in record["text"]]
        half = "other" if number % 2 else "first"
        for who, read in enumerate((ours, defaults)):
            begin = time.perf_counter()
            lines = read(pixels)
            seconds = time.perf_counter() - begin
            tallies[half, who].add(truth, lines, seconds)
            tallies["all", who].add(truth, lines, seconds)
            if who == 0 and half == "other":
                missed += missing(words_of(truth), words_of(lines))
    names = {
        "all": "48 real charts",
        "other": "  the half that was not looked at",
        "first": "  the half that settled the settings",
    }
    for half, name in names.items():
        section.rows.append((name, *tallies[half, 0].cells()))
        section.rows.append((f"{name}, RapidOCR's defaults", *tallies[half, 1].cells()))
    mine, theirs = tallies["all", 0], tallies["all", 1]
    ratio = mine.median_s / theirs.median_s
    section.goals += [
        _at_least("real charts: word recall", mine.recall, RECALL_GOAL),
        _at_least(
            "real charts: precision of RapidOCR's defaults", mine.precision, theirs.precision
        ),
        Goal(
            f"real charts: at most {TIME_GOAL} times the defaults' median time",
            f"{ratio:.2f}",
            ratio <= TIME_GOAL,
        ),
    ]
    section.notes.append(
        "Recorded words missed on the half not looked at, many of them errors of the record: "
        + " ".join(sorted(missed))
    )


def _measure_generated(section: Section, ours: Read, defaults: Read, progress: Progress) -> None:
    for style, first in (("develop", FIRST_UNSEEN_SEED), ("held_out", 0)):
        tallies = Tally(), Tally()
        upright = Tally()
        for number in progress.track(range(GENERATED), description=f"generated, {style}"):
            chart = draw_chart(first + number, kind=KINDS[number % len(KINDS)], style=style)
            elements = [one for one in chart.elements if one.text and one.role in ROLES]
            for tally, read in zip(tallies, (ours, defaults), strict=True):
                begin = time.perf_counter()
                lines = read(chart.pixels)
                tally.add([one.text for one in elements], lines, time.perf_counter() - begin)
                if tally is tallies[0]:
                    sideways = [one.text for one in elements if one.role == "y_label"]
                    upright.add(sideways, lines)
        name = f"{GENERATED} generated charts, {style}"
        section.rows.append((name, *tallies[0].cells()))
        section.rows.append((f"{name}, RapidOCR's defaults", *tallies[1].cells()))
        section.rows.append(
            ("  their y axis labels, on their side", f"{upright.recall:.3f}", "", "", "")
        )
        section.goals.append(
            _at_least(f"generated charts, {style}: word recall", tallies[0].recall, GENERATED_GOAL)
        )


def _at_least(text: str, figure: float, least: float) -> Goal:
    return Goal(f"{text} at least {least:.3f}", f"{figure:.3f}", figure >= least)


def contact_sheet(folder: Path) -> Path:
    """Charts with what was read written over them, numbered in reading order."""
    reader = TextReader()
    pictures = [draw_chart(seed, kind=KINDS[seed % len(KINDS)]).pixels for seed in SHEET_SEEDS]
    for path in sorted(CHARTS.glob("*.png"))[:SHEET_REAL]:
        pictures.append(np.asarray(Picture.open(path).convert("RGB")))
    sheet = Picture.new("RGB", (2000, 1000 * len(pictures)), "white")
    for row, pixels in enumerate(pictures):
        marked = _marked(pixels, sure_lines(reader, pixels))
        marked.thumbnail((2000, 980))
        sheet.paste(marked, (0, 1000 * row))
    path = folder / "ocr.png"
    sheet.save(path)
    return path


def _marked(pixels: Pixels, lines: list[TextLine]) -> Picture.Image:
    """The picture, and beside it the text where it was read."""
    scale = max(1, 800 // max(pixels.shape[:2]))
    picture = Picture.fromarray(np.repeat(np.repeat(pixels, scale, axis=0), scale, axis=1))
    sheet = Picture.new("RGB", (2 * picture.width, picture.height), "white")
    sheet.paste(picture, (0, 0))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(max(10, picture.height / 60))
    for number, line in enumerate(lines):
        corners = line.corners * scale
        outline = [(float(x), float(y)) for x, y in corners]
        draw.polygon(outline, outline="red")
        draw.polygon([(x + picture.width, y) for x, y in outline], outline="lightgrey")
        x, y = corners.min(axis=0)
        label = f"{number + 1} {line.text}"
        draw.text((float(x) + picture.width, float(y)), label, "black", font=font)
    return sheet
