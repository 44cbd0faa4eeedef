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
import math
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont
from rapidocr import RapidOCR
from rich.progress import Progress

from bench.ocr_recall import CHARTS, Words, words_of
from bench.report import Goal, Section
from thinkimg_eval.charts import KINDS, Chart, draw_chart
from thinkimg_workers.ocr import extent_of
from thinkimg_workers.reading_order import in_reading_order
from thinkimg_workers.text_line import TextLine
from thinkimg_workers.text_reader import TextReader

RECALL_GOAL, GENERATED_GOAL, TIME_GOAL = 0.96, 0.98, 1.5
GENERATED = 20
FIRST_UNSEEN_SEED = 5000
MIN_SCORE = 0.5
MOST_JOINED = 6
ROLES = (
    *("title", "x_label", "y_label", "x_tick", "y_tick"),
    *("legend_entry", "panel_title", "annotation"),
)
SHEET_SEEDS = (3, 15, 19)
SHEET_REAL = 3
SHEET_CHART = 900, 1100
"""The most pixels that a chart on the contact sheet is wide and high."""
SHEET_COLUMN, SHEET_COLUMNS, SHEET_LINE = 330, 3, 21

Pixels = NDArray[np.uint8]
Read = Callable[[Pixels], list[str]]


class Took(NamedTuple):
    """How long one chart took; processor time too, which says what it costs on a busy machine."""

    wall_s: float
    cpu_s: float


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
    cpu_seconds: list[float] = field(default_factory=list)

    def add(self, truth: Sequence[str], lines: Sequence[str], took: Took | None = None) -> None:
        wanted, returned = words_of(truth), words_of(lines)
        self.wanted += wanted.total()
        self.returned += returned.total()
        missed = missing(wanted, returned)
        self.missed += missed.total()
        self.missed_aside += spacing_aside(missed, truth, lines).total()
        self.extra += missing(returned, wanted).total()
        if took is not None:
            self.seconds.append(took.wall_s)
            self.cpu_seconds.append(took.cpu_s)

    @property
    def recall(self) -> float:
        return 1 - self.missed / max(1, self.wanted)

    @property
    def recall_aside(self) -> float:
        return 1 - self.missed_aside / max(1, self.wanted)

    @property
    def precision(self) -> float:
        return 1 - self.extra / max(1, self.returned)

    def cells(self) -> tuple[str, ...]:
        return (
            f"{self.recall:.4f}",
            f"{self.precision:.4f}",
            f"{self.recall_aside:.4f}",
            f"{statistics.median(self.seconds):.2f}",
        )


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
    tallies = {(half, who): Tally() for half in ("first", "other", "all") for who in (0, 1)}
    missed: Words = Counter()
    charts = progress.track(_real_charts(), description="real charts")
    for number, (path, truth) in enumerate(charts):
        pixels = _pixels_of(path)
        half = "other" if number % 2 else "first"
        for who, read in enumerate((ours, defaults)):
            lines, took = _timed(read, pixels)
            tallies[half, who].add(truth, lines, took)
            tallies["all", who].add(truth, lines, took)
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
    ratio = statistics.median(mine.cpu_seconds) / statistics.median(theirs.cpu_seconds)
    section.goals += [
        _at_least("real charts: word recall", mine.recall, RECALL_GOAL),
        _at_least(
            "real charts: precision of RapidOCR's defaults", mine.precision, theirs.precision
        ),
        Goal(
            f"real charts: at most {TIME_GOAL} times the defaults' median processor time",
            f"{ratio:.2f}",
            ratio <= TIME_GOAL,
        ),
    ]
    section.notes.append(
        "Recorded words missed on the half not looked at, many of them errors of the record: "
        + " ".join(sorted(missed))
    )


def _real_charts() -> list[tuple[Path, list[str]]]:
    """The real charts, by name, and the lines recorded of each; none if they are not here."""
    if not (CHARTS / "text.json").exists():
        return []
    records = json.loads((CHARTS / "text.json").read_text())
    return sorted(
        (CHARTS / record["image"], [item["text"] for item in record["text"]]) for record in records
    )


def _pixels_of(path: Path) -> Pixels:
    return np.asarray(Picture.open(path).convert("RGB"))


def _written_on(chart: Chart) -> list[str]:
    return [one.text for one in chart.elements if one.text and one.role in ROLES]


def _measure_generated(section: Section, ours: Read, defaults: Read, progress: Progress) -> None:
    for style, first in (("develop", FIRST_UNSEEN_SEED), ("held_out", 0)):
        mine, theirs, sideways = Tally(), Tally(), Tally()
        for number in progress.track(range(GENERATED), description=f"generated, {style}"):
            chart = draw_chart(first + number, kind=KINDS[number % len(KINDS)], style=style)
            truth = _written_on(chart)
            lines, took = _timed(ours, chart.pixels)
            mine.add(truth, lines, took)
            sideways.add([one.text for one in chart.elements if one.role == "y_label"], lines)
            theirs.add(truth, *_timed(defaults, chart.pixels))
        name = f"{GENERATED} generated charts, {style}"
        section.rows += [
            (name, *mine.cells()),
            (f"{name}, RapidOCR's defaults", *theirs.cells()),
            ("  their y axis labels, on their side", f"{sideways.recall:.4f}", "", "", ""),
        ]
        section.goals.append(
            _at_least(f"generated charts, {style}: word recall", mine.recall, GENERATED_GOAL)
        )


def _timed(read: Read, pixels: Pixels) -> tuple[list[str], Took]:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    lines = read(pixels)
    return lines, Took(time.perf_counter() - wall_s, time.process_time() - cpu_s)


def _at_least(text: str, figure: float, least: float) -> Goal:
    return Goal(f"{text} at least {least:.4f}", f"{figure:.4f}", figure >= least)


def contact_sheet(folder: Path) -> Path:
    """Charts with what was read numbered in reading order, and the lines beside them."""
    reader = TextReader()
    rows = []
    for seed in SHEET_SEEDS:
        chart = draw_chart(seed, kind=KINDS[seed % len(KINDS)])
        rows.append(_sheet_row(reader, chart.pixels, _written_on(chart)))
    for path, truth in _real_charts()[:SHEET_REAL]:
        rows.append(_sheet_row(reader, _pixels_of(path), truth))
    width, height = max(row.width for row in rows), sum(row.height for row in rows)
    sheet = Picture.new("RGB", (width, height), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    path = folder / "ocr.png"
    sheet.save(path)
    return path


def _sheet_row(reader: TextReader, pixels: Pixels, truth: Sequence[str]) -> Picture.Image:
    """A chart, each piece of text outlined, and the numbered list of them beside it."""
    lines = sure_lines(reader, pixels)
    scale = min(SHEET_CHART[0] / pixels.shape[1], SHEET_CHART[1] / pixels.shape[0])
    size = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
    in_rows = math.ceil((len(lines) + 2) / SHEET_COLUMNS)
    list_height = SHEET_LINE * (in_rows + 2)
    row = Picture.new("RGB", (SHEET_CHART[0] + SHEET_COLUMNS * SHEET_COLUMN, 20), "white")
    row = row.resize((row.width, 40 + max(size[1], list_height)))
    row.paste(Picture.fromarray(pixels).resize(size, Picture.Resampling.LANCZOS), (10, 20))
    draw = ImageDraw.Draw(row)
    small, font = ImageFont.load_default(12), ImageFont.load_default(15)
    known = words_of(truth) | Counter(joined(truth).keys())
    for number, line in enumerate(lines):
        wrong = any(word not in known for word in words_of([line.text]))
        corners = line.corners * scale + (10, 20)
        draw.polygon([(float(x), float(y)) for x, y in corners], outline="red")
        x, y = corners.min(axis=0)
        draw.text((float(x), float(y) - 1), str(number + 1), "red", font=small, anchor="ls")
        column, place = divmod(number, in_rows)
        where = SHEET_CHART[0] + 30 + column * SHEET_COLUMN, 20 + place * SHEET_LINE
        text = f"{number + 1}  {_cut(line.text)}  {line.score:.2f}"
        draw.text(where, text, "red" if wrong else "black", font=font)
    missed = missing(words_of(truth), words_of(line.text for line in lines))
    below = 20 + (in_rows + 1) * SHEET_LINE
    text = "not read: " + (" ".join(missed) or "nothing")
    draw.text((SHEET_CHART[0] + 30, below), _cut(text, 110), "red", font=font)
    draw.line([(0, row.height - 1), (row.width, row.height - 1)], "grey")
    return row


def _cut(text: str, most: int = 38) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
