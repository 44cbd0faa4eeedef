"""ChartQA: questions that people wrote, and questions that were generated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thinkimg_agent.sample import Sample
from thinkimg_eval.benchmarks.lazy import LazySamples
from thinkimg_eval.benchmarks.pictures import encoded
from thinkimg_eval.benchmarks.source import Source, json_rows
from thinkimg_eval.scorers import relaxed
from thinkimg_eval.task import Task

PARTS = ("human", "augmented")
SOURCE = Source(
    "lmms-lab/ChartQA",
    "the folder of the original release, with test/test_human.json, test/test_augmented.json "
    "and test/png; or the folder of parquet files",
)


def chartqa(*, path: Path | None = None, split: str = "test") -> Task:
    """2,500 questions, half of them by people; relaxed accuracy at 5%.

    By part: human and augmented.
    """
    released = path is not None and (path / split / f"{split}_human.json").is_file()
    samples = _released(path / split, split) if path and released else _tabled(path, split)
    return Task(
        name="chartqa",
        version="1",
        samples=samples,
        scorer=relaxed,
        prompt="Answer with a single word, number or phrase.",
    )


def _released(folder: Path, split: str) -> Sequence[Sample]:
    """Of the original release: imgname, query and label."""
    rows = [
        (f"{part}-{index}", part, row)
        for part in PARTS
        for index, row in enumerate(json_rows(folder / f"{split}_{part}.json"))
    ]

    def sample(_: int, named: tuple[str, str, Any]) -> Sample:
        name, part, row = named
        return Sample(
            id=f"chartqa-{split}-{name}",
            question=row["query"],
            images=((folder / "png" / row["imgname"]).read_bytes(),),
            truth=row["label"],
            category=part,
        )

    return LazySamples(rows, sample)


def _tabled(path: Path | None, split: str) -> Sequence[Sample]:
    """Of the hub: type (human_test, augmented_test), question, answer and image."""
    rows = SOURCE.hub_rows(split) if path is None else SOURCE.parquet_rows(path, split)
    if rows is None:
        raise SOURCE.missing(f"{path} has neither {split}/{split}_human.json nor {split}*.parquet")

    def sample(index: int, row: Any) -> Sample:
        return Sample(
            id=f"chartqa-{split}-{index}",
            question=row["question"],
            images=(encoded(row["image"]),),
            truth=row["answer"],
            category=row["type"].partition("_")[0],
        )

    return LazySamples(rows, sample)
