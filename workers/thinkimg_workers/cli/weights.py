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
    users = _backends_by_weights()
    columns = (
        "weights",
        "tools",
        "backend",
        "MB",
        "licence",
        "here",
        "where, or how to fetch them",
    )
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column == "MB" else "left")
    for name, entry in weights_table().items():
        found = find_weights(name)
        table.add_row(
            name,
            entry.tool,
            ", ".join(users.get(name, ())),
            f"{entry.size_mb:,}",
            entry.licence,
            Text("yes", "green") if found else Text("no", "yellow"),
            Text(str(found) if found else _remedy(entry)),
        )
    screen = console()
    screen.print(table)
    screen.print(f"\nLooked in {weights_folder()} and {hub_cache()}.")
    screen.print(f"A copy of your own goes into {weights_folder() / 'NAME'}.")


def _backends_by_weights() -> dict[str, list[str]]:
    """The backends of the shipped tools that take each entry without being told to."""
    from thinkimg_rpc.serve.config import DEFAULT_CONFIG, load_config
    from thinkimg_rpc.tool import load_tool
    from thinkimg_workers.backends import choices_of

    users: dict[str, list[str]] = {}
    for worker in load_config(DEFAULT_CONFIG).worker:
        for tool in map(load_tool, worker.tools):
            for backend in choices_of(tool):
                for entry in backend.entries():
                    if backend.name not in users.setdefault(entry, []):
                        users[entry].append(backend.name)
    return users


def _remedy(entry: Weights) -> str:
    return f"hf download {entry.hub}" if entry.hub else f"fetch {entry.url}"
