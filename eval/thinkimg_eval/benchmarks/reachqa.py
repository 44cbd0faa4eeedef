"""ReachQA: charts drawn by generated code, with questions to recognise and to reason."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thinkimg_agent.sample import Sample
from thinkimg_eval.benchmarks.judged import name_and_scorer
from thinkimg_eval.benchmarks.lazy import LazySamples
from thinkimg_eval.benchmarks.pictures import encoded, find_image
from thinkimg_eval.benchmarks.source import Source, json_rows
from thinkimg_eval.scorers import relaxed
from thinkimg_eval.task import Task

FILES = ("instruction_data_2k.json", "data.json")
SOURCE = Source(
    "hewei2001/ReachQA",
    f"the folder data/reachqa_test of its code, with {FILES[0]} and the images that its "
    "execute_code.py draws; or the folder of parquet files",
)


def reachqa(
    *,
    path: Path | None = None,
    split: str = "test",
    judge: str | None = None,
    judge_url: str | None = None,
) -> Task:
    """2,000 questions to recognise and to reason; judged, or by rules.

    Published with a judge, which `judge=openai:MODEL` (at `judge_url`) brings; else
    relaxed accuracy, which is lower: many right answers are sentences.
    """
    rows, folder = _rows(path, split)

    def sample(index: int, row: Any) -> Sample:
        image = row["image"]
        return Sample(
            id=row.get("data_id") or f"reachqa-{split}-{index + 1:05}",
            question=row["question"],
            images=(
                find_image(image, folder).read_bytes()
                if isinstance(image, str)
                else encoded(image),
            ),
            truth=row["answer"],
            category=_kind(row),
        )

    name, scorer = name_and_scorer("reachqa", relaxed, judge, judge_url)
    return Task(name=name, version="1", samples=LazySamples(rows, sample), scorer=scorer)


def _kind(row: Any) -> str:
    """Each of the three releases has its own word for it."""
    kind = row.get("QA_type") or row.get("qa_type") or row.get("split") or ""
    return "recognition" if kind.lower().startswith("recogni") else kind.lower()


def _rows(path: Path | None, split: str) -> tuple[Sequence[Any], Path]:
    if path is None:
        return SOURCE.hub_rows(split), Path()
    if path.is_file():
        return json_rows(path), path.parent
    for name in FILES:
        if (path / name).is_file():
            return json_rows(path / name), path
    tables = SOURCE.parquet_rows(path, split)
    if tables is None:
        raise SOURCE.missing(f"{path} has neither {' nor '.join(FILES)} nor {split}*.parquet")
    return tables, path
