"""`thinkimg view`: a run as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Run = Annotated[
    Path,
    typer.Argument(
        metavar="RUN", exists=True, help="A run's folder, which holds its trajectories.jsonl."
    ),
]


def view(
    run: Run,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the page goes; RUN/index.html if left out."),
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve the page, made anew at each look, until Ctrl-C.")
    ] = False,
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="With --serve; 0: a free one.")
    ] = 8080,
) -> None:
    """Show what happened in a run: every turn, call and picture, on one page.

    The page needs nothing but itself and can be sent to others.
    """
    from thinkimg_agent.cli.page_server import serve_page
    from thinkimg_agent.viewer import write_page

    if serve:
        serve_page(run, port)
        return
    page = out or (run if run.is_dir() else run.parent) / "index.html"
    count = write_page(run, page)
    print(f"{page}: {count} episode{'' if count == 1 else 's'}")
