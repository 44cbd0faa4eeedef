"""`thinkimg eval`: run tasks, look at what came out, and compare."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thinkimg_rpc.cli.commands import new_app

if TYPE_CHECKING:
    from thinkimg_eval.run.folder import RunFolder

evaluate = new_app()

RunPath = Annotated[
    Path, typer.Argument(metavar="RUN", exists=True, file_okay=False, help="A run's folder.")
]


@evaluate.callback()
def _group() -> None:
    """Measure how well a policy answers a task's questions."""


@evaluate.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    task: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help="Tasks, or FILE.py:FUNCTION for one of your own."),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="KIND:MODEL",
            help="Who answers: planner:, openai:MODEL, transformers:FOLDER, vllm:FOLDER, …",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where all of it goes, and is gone on with.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", exists=True, dir_okay=False, help="[run], or [[run]]s."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="The first so many questions only.")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Episodes in flight; 16.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the task, where it has one, and of the policy.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="The mesh; if none runs, one is served."),
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve a mesh for this run, also where one runs.")
    ] = False,
) -> None:
    """Let a policy answer a task's questions, and say how well it did.

    The same command goes on where it was broken off, however that was. Every field
    of the configuration can be given as --section.field VALUE: --task.split dev,
    --policy.base_url URL,URL, --limits.max_turns 5.

    thinkimg eval run --task synthcharts --policy planner: --out runs/first
    """
    from thinkimg_eval.report.page import PAGE
    from thinkimg_eval.report.tables import print_summary
    from thinkimg_eval.report.writing import write_report
    from thinkimg_eval.run.reading import overrides_of, read_runs
    from thinkimg_eval.run.runner import run_all
    from thinkimg_rpc.cli.screen import console, goes_on_after_ctrl_c

    given = {
        "task": task,
        "policy": policy,
        "out": out,
        "limit": limit,
        "concurrency": concurrency,
        "seed": seed,
        "mesh.address": address,
        "mesh.serve": "true" if serve else None,
    }
    runs = read_runs(config, overrides_of(given, context.args))
    screen = console()

    def ended(folder: RunFolder) -> None:
        print_summary(screen, write_report(folder))
        print(f"to look at: {folder.path / PAGE}")

    with goes_on_after_ctrl_c():
        asyncio.run(run_all(runs, screen, on_end=ended))


@evaluate.command()
def report(run: RunPath) -> None:
    """Write a run's results, summary and page anew, also of one that is not finished."""
    from thinkimg_eval.report.page import PAGE
    from thinkimg_eval.report.tables import print_summary
    from thinkimg_eval.report.writing import write_report
    from thinkimg_eval.run.folder import RunFolder
    from thinkimg_rpc.cli.screen import console

    screen = console()
    print_summary(screen, write_report(RunFolder(run)))
    print(f"to look at: {run / PAGE}")


@evaluate.command()
def compare(first: RunPath, second: RunPath) -> None:
    """Say how a second run of the same questions differs from a first.

    The difference is of the same questions, with its 95% interval. All that went
    otherwise goes into the second run's comparison.json and comparison.html.
    """
    from thinkimg_eval.report.comparison import compare as compared
    from thinkimg_eval.report.comparison import write_comparison
    from thinkimg_eval.report.tables import print_comparison
    from thinkimg_rpc.cli.screen import console

    screen = console()
    comparison = compared(first, second)
    print_comparison(screen, comparison)
    print(f"to look at: {write_comparison(comparison)}")


@evaluate.command()
def tasks() -> None:
    """List the tasks there are, with their options."""
    from rich.text import Text

    from thinkimg_eval.report.tables import new_table
    from thinkimg_eval.tasks import find_task, installed_tasks, options_said
    from thinkimg_rpc.cli.screen import console

    table = new_table("task", "options", "")
    for column in table.columns:
        column.justify = "left"
    for name in sorted(installed_tasks()):
        try:
            function = find_task(name)
        except ImportError as error:
            table.add_row(name, "", Text(f"cannot be loaded: {error}"))
            continue
        about = (function.__doc__ or "").strip().partition("\n")[0]
        table.add_row(name, Text(options_said(function)), Text(about))
    console().print(table)
