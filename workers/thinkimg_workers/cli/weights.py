"""`thinkimg weights`: which weights of model backends are on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from thinkimg_workers.weights import Weights


def weights() -> None:
    """Show which model weights are here, and how to fetch others.

    They are looked for in $THINKIMG_WEIGHTS (~/.local/share/thinkimg/weights if
    unset) and in the Hugging Face cache. Nothing is fetched by this command, and
    no worker ever fetches anything.
    """
    from rich.table import Table
    from rich.text import Text

    from thinkimg_rpc.cli.screen import console
    from thinkimg_workers.weights import (
        find_weights,
        hub_cache,
        weights_folder,
        weights_table,
    )

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("weights", "tools", "MB", "licence", "here", "where, or how to fetch them"):
        table.add_column(column, overflow="fold", justify="right" if column == "MB" else "left")
    for name, entry in weights_table().items():
        found = find_weights(name)
        table.add_row(
            name,
            entry.tool,
            f"{entry.size_mb:,}",
            entry.licence,
            Text("yes", "green") if found else Text("no", "yellow"),
            Text(str(found) if found else _remedy(entry)),
        )
    screen = console()
    screen.print(table)
    screen.print(f"\nLooked in {weights_folder()} and {hub_cache()}.")
    screen.print(f"A copy of your own goes into {weights_folder() / 'NAME'}.")


def _remedy(entry: Weights) -> str:
    return f"hf download {entry.hub}" if entry.hub else f"fetch {entry.url}"
