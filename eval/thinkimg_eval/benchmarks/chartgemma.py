"""ChartGemma's questions as OpenThinkIMG published them: the test of its results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from thinkimg_agent.sample import Sample
from thinkimg_eval.benchmarks.lazy import LazySamples
from thinkimg_eval.benchmarks.pictures import encoded, find_image
from thinkimg_eval.benchmarks.source import Source, json_rows
from thinkimg_eval.scorers import extract, scorer_named
from thinkimg_eval.task import Task

SOURCE = Source(
    "hitsmy/OpenThinkIMG-Chart-Test-994",
    "its JSON file, or the folder with it, images beside it; or the folder of parquet files",
)


def chartgemma(*, path: Path | None = None, split: str = "train", scorer: str = "relaxed") -> Task:
    """994 questions about charts of ChartGemma.

    `scorer=openthinkimg_fuzzy` is the rule of the published numbers; the hub calls the
    only split "train".
    """
    rows, folder = _rows(path, split)

    def sample(index: int, row: Any) -> Sample:
        image = (
            encoded(row["image"])
            if row.get("image")
            else find_image(row["image_path"], folder).read_bytes()
        )
        return Sample(
            id=f"chartgemma-{index}",
            question=row["question"],
            images=(image,),
            truth=extract(row["label"]),
        )

    return Task(
        name="chartgemma" if scorer == "relaxed" else f"chartgemma-{scorer}",
        version="1",
        samples=LazySamples(rows, sample),
        scorer=scorer_named(scorer),
        prompt="Answer with a single word, number or phrase.",
    )


def _rows(path: Path | None, split: str) -> tuple[Any, Path]:
    """The rows, and the folder that their images are looked for in."""
    if path is None:
        return SOURCE.hub_rows(split), Path()
    if path.is_file():
        return json_rows(path), path.parent
    tables = SOURCE.parquet_rows(path, split)
    if tables is not None:
        return tables, path
    files = sorted(path.glob("*.json"))
    if len(files) != 1:
        raise SOURCE.missing(f"{path} has {len(files)} JSON files, not one")
    return json_rows(files[0]), path
