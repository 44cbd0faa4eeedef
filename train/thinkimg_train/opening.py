"""Opening data before a person's eyes: how far it is looked through, and what is left out."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from thinkimg_train.bad_data import report
from thinkimg_train.data_config import DataSection
from thinkimg_train.dataset import EpisodeDataset, open_dataset


def open_data(data: DataSection, model: str, screen: Console) -> EpisodeDataset:
    """What can be trained on, with a word on the screen about all that cannot.

    Raises: InvalidRequest.
    """
    columns = (
        TextColumn("looking through {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, transient=True) as progress:
        bars: dict[Path, TaskID] = {}

        def on_progress(file: Path, done: int, total: int) -> None:
            if file not in bars:
                bars[file] = progress.add_task(str(file), total=total)
            progress.update(bars[file], completed=done)

        dataset = open_dataset(data, model, on_progress)
    for line in report(dataset.left_out, len(dataset) + len(dataset.left_out)):
        screen.print(line, highlight=False, markup=False)
    return dataset
