"""`thinkimg data`: training data of other projects, both ways."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from thinkimg_rpc.cli.commands import new_app

data = new_app()


class FormatName(StrEnum):
    """What is read or written."""

    openthinkimg = "openthinkimg"
    openthinkimg_rl = "openthinkimg-rl"
    sharegpt = "sharegpt"
    datasets = "datasets"


class OnBadName(StrEnum):
    """What is done about a row that cannot be used."""

    refuse = "refuse"
    skip = "skip"


Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder.")]
QueryKey = Annotated[str, typer.Option(help="The column with the question, of openthinkimg-rl.")]


@data.callback()
def _group() -> None:
    """Read and write training data of other projects."""


@data.command("import")
def import_(
    format: Annotated[FormatName, typer.Argument(metavar="FORMAT")],
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True)],
    out: Out,
    images: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", file_okay=False, help="Where image paths start from, too."),
    ] = None,
    query_key: QueryKey = "question",
    bad: Annotated[
        OnBadName, typer.Option(help="What is done about a row that cannot be used.")
    ] = OnBadName.refuse,
) -> None:
    """Make a run's folder of conversations: openthinkimg, sharegpt or datasets.

    Of openthinkimg-rl, the questions for --task jsonl. Blemishes are put right and counted.

    thinkimg data import openthinkimg sft.json --out data/openthinkimg
    """
    from datasets import disable_progress_bars

    from thinkimg_train.formats.converting import import_rows

    disable_progress_bars()
    tally = import_rows(
        format.value, file, out, image_folders=images or (), query_key=query_key, on_bad=bad.value
    )
    for line in tally.lines():
        print(line)


@data.command("export")
def export(
    format: Annotated[FormatName, typer.Argument(metavar="FORMAT")],
    run: Annotated[Path, typer.Argument(metavar="RUN", exists=True)],
    out: Out,
    dialect: Annotated[
        str, typer.Option(help="Say the episodes again in it: hermes or openthinkimg.")
    ] = "",
    query_key: QueryKey = "question",
) -> None:
    """Write a run's trajectories as openthinkimg, openthinkimg-rl, sharegpt or datasets.

    sharegpt is what LLaMA-Factory reads, its dataset_info.json included.

    thinkimg data export sharegpt data/planner --out data/llama-factory
    """
    from datasets import disable_progress_bars

    from thinkimg_train.formats.converting import export_run

    disable_progress_bars()
    tally = export_run(format.value, run, out, dialect=dialect, query_key=query_key)
    for line in tally.lines():
        print(line)


@data.command("answers")
def answers(
    run: Annotated[Path, typer.Argument(metavar="RUN", exists=True)],
    out: Out,
) -> None:
    """Write a run's questions with their right answers at once, and no tools.

    To tell what a model learns from the tools' part in the same data.

    thinkimg data answers data/planner --out data/answers
    """
    from thinkimg_train.formats.converting import write_answers

    for line in write_answers(run, out).lines():
        print(line)
