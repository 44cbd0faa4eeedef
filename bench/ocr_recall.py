"""`python -m bench.ocr_recall`: how much of the text on real charts OCR reads.

The charts are those of OpenCQA with the text recorded for them, a folder of
pictures and a `text.json`: `[{"image": file name, "text": [{"text": ...}]}]`.

A word is a run of letters and digits, in any case. A word of the reference is
found if it is among the words that OCR returned for that chart, and recall is
the share of all charts' words that are found, a word that the reference has
twice counting twice. The reference is OCR output itself: its boxes overlap, so
that it has many words two or three times, and it joins and splits others. The
stricter figure, in which every repetition has to be found too, is printed as
well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.environment import describe_machine
from bench.processes import serve_mesh
from bench.report import Goal, Section, open_console, print_section
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.serve.config import WorkerSection
from thinkimg_rpc.v1 import OCRRequest

CHARTS = Path(__file__).parents[1] / ".." / "shared" / "data" / "opencqa"
GOAL = 0.94
WORST = 5
TIMEOUT_S = 120.0

Words = Counter[str]

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Reading:
    """One chart: what is recorded of it, and what OCR returned."""

    name: str
    reference: Words
    returned: Words
    seconds: float

    @property
    def missed(self) -> Words:
        """Words of the reference that were not returned at all."""
        return Counter({word: n for word, n in self.reference.items() if word not in self.returned})

    @property
    def recall(self) -> float:
        return 1 - self.missed.total() / max(1, self.reference.total())


def words_of(lines: Iterable[str]) -> Words:
    """How often each word occurs in some lines of text."""
    return Counter(word for line in lines for word in _WORD.findall(line.casefold()))


def recall_of(readings: list[Reading]) -> float:
    """The share of the words of all charts that were found."""
    missed = sum(reading.missed.total() for reading in readings)
    return 1 - missed / sum(reading.reference.total() for reading in readings)


def strict_recall_of(readings: list[Reading]) -> float:
    """The same, with every repetition of a word to be found for itself."""
    found = sum((reading.reference & reading.returned).total() for reading in readings)
    return found / sum(reading.reference.total() for reading in readings)


async def read_charts(charts: Path) -> list[Reading]:
    """Every chart of a folder through a mesh that has one OCR worker, one after another.

    Raises: FileNotFoundError, when there is no text.json in it.
    """
    records = json.loads((charts / "text.json").read_text())
    worker = WorkerSection(name="ocr", tools=("thinkimg_workers.ocr:OCR",), concurrency=1)
    readings = []
    async with serve_mesh(worker) as served, Mesh(served.address) as mesh:
        for record in records:
            image = mesh.image((charts / record["image"]).read_bytes())
            begin = time.perf_counter()
            response = await mesh.send(OCRRequest(image=image), timeout_s=TIMEOUT_S)
            readings.append(
                Reading(
                    name=record["image"],
                    reference=words_of(item["text"] for item in record["text"]),
                    returned=words_of(span.text for span in response.spans),
                    seconds=time.perf_counter() - begin,
                )
            )
    return readings


async def measure(charts: Path = CHARTS) -> Section:
    """Recall and time over the charts of a folder; a note only where there are none."""
    section = Section("OCR on real charts", ("", ""))
    if not (charts / "text.json").exists():
        section.notes.append(f"Left out: there is no {charts.name}/text.json.")
        return section
    readings = await read_charts(charts)
    recall = recall_of(readings)
    times = [reading.seconds for reading in readings]
    section.rows += [
        ("charts", str(len(readings))),
        ("words recorded of them", str(sum(reading.reference.total() for reading in readings))),
        ("found (word recall)", f"{recall:.3f}"),
        ("found, every repetition too", f"{strict_recall_of(readings):.3f}"),
        ("seconds a chart, median", f"{statistics.median(times):.2f}"),
        ("seconds a chart, slowest", f"{max(times):.2f}"),
    ]
    section.goals.append(
        Goal(f"word recall at least {GOAL}", f"{recall:.3f}", recall >= GOAL),
    )
    worst = sorted(readings, key=lambda reading: reading.recall)[:WORST]
    section.rows += [(f"    {reading.name}", f"{reading.recall:.3f}") for reading in worst]
    section.notes += [
        "The text recorded is OCR output itself, with errors: 'tknow', 'survev', 'percenta ge'.",
        *(f"{one.name} misses {' '.join(sorted(one.missed))}"[:150] for one in worst),
    ]
    return section


def main() -> int:
    """Print the table; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.ocr_recall")
    parser.add_argument("--charts", type=Path, default=CHARTS, metavar="DIR")
    options = parser.parse_args()
    console = open_console()
    console.print(describe_machine(), style="dim", highlight=False, end="\n\n")
    section = asyncio.run(measure(options.charts))
    print_section(section, console)
    return 0 if section.goals and all(goal.met for goal in section.goals) else 1


if __name__ == "__main__":
    sys.exit(main())
