"""`thinkimg collect`: trajectories to learn from."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

collect = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    help="Let a teacher answer a task's questions, and keep what is a lesson.",
)


@collect.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    task: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A task, or FILE.py:FUNCTION for one of your own."),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(metavar="KIND:MODEL", help="The teacher: planner:, openai:MODEL."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where all of it goes, and is gone on with.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", exists=True, dir_okay=False, help="[collect]."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="The first so many questions only.")] = None,
    want: Annotated[int | None, typer.Option(help="Stop at so many accepted ones.")] = None,
    tries: Annotated[int | None, typer.Option(help="The budget of a question; 4.")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Questions in flight; 16.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the task, where it has one, and of the teacher.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="The mesh; if none runs, one is served."),
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve a mesh for this run, also where one runs.")
    ] = False,
) -> None:
    """Let a teacher answer a task's questions, and keep what is a lesson.

    The same command goes on where it was broken off. Every field of the configuration
    can be given as --section.field VALUE: --task.split sft, --teacher.mistakes 0.1.

    thinkimg collect --task synthcharts --task.split sft --policy planner: --out data/planner
    """
    from thinkimg_eval.run.reading import overrides_of
    from thinkimg_rpc.cli.screen import console, goes_on_after_ctrl_c
    from thinkimg_train.collect.card import PAGE
    from thinkimg_train.collect.collecting import collect as collected
    from thinkimg_train.collect.config import read_collection

    given = {
        "task": task,
        "policy": policy,
        "out": out,
        "limit": limit,
        "want": want,
        "tries": tries,
        "concurrency": concurrency,
        "seed": seed,
        "mesh.address": address,
        "mesh.serve": "true" if serve else None,
    }
    collection = read_collection(config, overrides_of(given, context.args))
    screen = console()
    with goes_on_after_ctrl_c():
        card = asyncio.run(collected(collection, screen))
    print(f"{card.accepted} accepted of {card.attempts} tries at {card.questions} questions")
    for rule, one in card.rejected.items():
        print(f"  rejected: {one.tries} {rule}, such as {one.examples[0]}")
    print(f"to read: {collection.out / PAGE}")
