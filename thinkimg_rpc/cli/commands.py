"""Subcommands, found through the entry points of whatever is installed.

A package adds one by an entry point in the group `thinkimg.commands`, which
names a function with typer's annotations or a `typer.Typer`:

    [project.entry-points."thinkimg.commands"]
    train = "thinkimg_train.cli:train [train]"

The part in brackets is the extra that the command needs. `thinkimg --help`
imports all of these modules, so they import nothing heavy outside functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import typer

GROUP = "thinkimg.commands"


class MissingPackage(Exception):
    """A command needs a package that is not installed; the text names the remedy."""


@dataclass(frozen=True)
class Subcommand:
    """One subcommand: its name, and what it takes to load it."""

    name: str
    entry_point: metadata.EntryPoint

    def load(self) -> Any:
        """The command's function or `typer.Typer`.

        Raises: MissingPackage.
        """
        try:
            return self.entry_point.load()
        except ModuleNotFoundError as error:
            raise self.missing(error) from error

    def missing(self, error: ModuleNotFoundError) -> MissingPackage:
        """What to tell a person whose environment lacks what the command imports."""
        package = (error.name or str(error)).partition(".")[0]
        return MissingPackage(
            f"the package {package} is not installed; install what this command needs with: "
            f"{self.remedy}"
        )

    @property
    def remedy(self) -> str:
        """The pip command that brings what the command needs."""
        distribution = self.entry_point.dist
        name = distribution.metadata["Name"] if distribution else "thinkimg-rpc"
        extras = ",".join(self.entry_point.extras)
        return f"pip install '{name}[{extras}]'" if extras else f"pip install '{name}'"


def subcommands() -> dict[str, Subcommand]:
    """All that are installed, in the order in which their packages list them."""
    entries = metadata.entry_points(group=GROUP)
    return {entry.name: Subcommand(entry.name, entry) for entry in entries}


def app_of_one(subcommand: Subcommand) -> typer.Typer:
    """The program that `thinkimg NAME` is. Raises: MissingPackage."""
    loaded = subcommand.load()
    if isinstance(loaded, typer.Typer):
        return loaded
    app = new_app()
    app.command(subcommand.name)(loaded)
    return app


def app_of_all(program: Callable[..., None], found: dict[str, Subcommand]) -> typer.Typer:
    """The program that `thinkimg --help` describes; what cannot be loaded says why.

    `program` holds the options of `thinkimg` itself.
    """
    app = new_app()
    app.callback()(program)
    for name, subcommand in found.items():
        try:
            loaded = subcommand.load()
        except MissingPackage:
            app.command(name, help=f"Not installed: {subcommand.remedy}")(_not_installed)
            continue
        if isinstance(loaded, typer.Typer):
            app.add_typer(loaded, name=name)
        else:
            app.command(name)(loaded)
    return app


def new_app() -> typer.Typer:
    """An empty program; help texts are plain text, so that brackets stay brackets."""
    return typer.Typer(add_completion=False, rich_markup_mode=None)


def _not_installed() -> None:
    """Stands in the list for a command that cannot be loaded."""
