"""V*: small things in large photographs, by multiple choice."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thinkimg_agent.sample import Sample
from thinkimg_eval.benchmarks.lazy import LazySamples
from thinkimg_eval.benchmarks.pictures import encoded, find_image
from thinkimg_eval.benchmarks.source import Source
from thinkimg_eval.scorers import choice
from thinkimg_eval.task import Task
from thinkimg_rpc.errors import InvalidRequest

SOURCE = Source(
    "craigwu/vstar_bench",
    "the folder with test_questions.jsonl and the image folders; or that of the parquet "
    "files of lmms-lab/vstar-bench",
)
HUB_TABLES = Source("lmms-lab/vstar-bench", SOURCE.layout)
QUESTIONS = "test_questions.jsonl"
_CHOICE = re.compile(r"^\s*\([A-Z]\)\s*(.+?)\s*$", re.MULTILINE)


def vstar(*, path: Path | None = None, split: str = "test") -> Task:
    """191 questions on small things in large photographs, by multiple choice."""
    rows, folder = _rows(path, split)

    def sample(index: int, row: Any) -> Sample:
        image = row["image"]
        return Sample(
            id=f"vstar-{row.get('question_id', index)}",
            question=row["text"],
            images=(
                find_image(image, folder).read_bytes()
                if isinstance(image, str)
                else encoded(image),
            ),
            truth=row["label"],
            category=row["category"],
            details={"choices": _CHOICE.findall(row["text"])},
        )

    # Each question ends with the form of its answer.
    return Task(name="vstar", version="1", samples=LazySamples(rows, sample), scorer=choice)


def _rows(path: Path | None, split: str) -> tuple[Sequence[Any], Path]:
    if path is None:
        # The original's images are files beside its table, which the library does not fetch.
        return HUB_TABLES.hub_rows(split), Path()
    if (path / QUESTIONS).is_file():
        return _lines(path / QUESTIONS), path
    tables = SOURCE.parquet_rows(path, split)
    if tables is None:
        raise SOURCE.missing(f"{path} has neither {QUESTIONS} nor {split}*.parquet")
    return tables, path


def _lines(file: Path) -> list[Any]:
    try:
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]
    except ValueError as error:
        raise InvalidRequest.field("task.path", f"{file} cannot be read: {error}") from error
