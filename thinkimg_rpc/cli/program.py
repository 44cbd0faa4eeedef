"""`thinkimg`: finds the subcommand, runs it, and turns what goes wrong into one line."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import metadata
from typing import Annotated

import typer
from typer.main import get_command

from thinkimg_rpc.cli.commands import (
    MissingPackage,
    Subcommand,
    app_of_all,
    app_of_one,
    subcommands,
)
from thinkimg_rpc.cli.failures import (
    CALLERS_FAULT,
    MESHS_FAULT,
    TRACEBACK_VARIABLE,
    exit_status,
    one_line,
)

INTERRUPTED = 130


def prepare(arguments: Sequence[str] | None = None) -> Callable[[], int]:
    """Load what `thinkimg` with these arguments needs; what comes back runs it.

    Running it prints errors to stderr and returns the exit status.
    """
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    found = subcommands()
    name = words[0]
    if name.startswith("-"):
        return partial(_run, app_of_all(_program, found), "thinkimg", words)
    if name not in found:
        return partial(_fail, "thinkimg", _unknown_command(name, found), CALLERS_FAULT)
    program = f"thinkimg {name}"
    try:
        return partial(_run, app_of_one(found[name]), program, words[1:], found[name])
    except MissingPackage as error:
        return partial(_fail, program, one_line(error), exit_status(error))


def _run(
    app: typer.Typer, program: str, words: list[str], subcommand: Subcommand | None = None
) -> int:
    try:
        result = get_command(app).main(words, prog_name=program, standalone_mode=False)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough; Python must not flush into it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return MESHS_FAULT
    except Exception as error:
        if _was_interrupted(error):
            return INTERRUPTED
        if os.environ.get(TRACEBACK_VARIABLE) == "1":
            raise
        if subcommand is not None and isinstance(error, ModuleNotFoundError):
            error = subcommand.missing(error)
        hint = f" (see {program} --help)" if isinstance(error, typer.TyperException) else ""
        return _fail(program, one_line(error) + hint, exit_status(error))
    return result if isinstance(result, int) else 0


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether an interrupt hides behind an error, as when it came amid a class's definition."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _print_version(wanted: bool) -> None:
    if wanted:
        print(metadata.version("thinkimg-rpc"))
        raise typer.Exit


def _program(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Vision tools for models that think with images: serve them, list them, call them.

    Start with `thinkimg serve`, then `thinkimg check` in another terminal.
    """


def _fail(program: str, message: str, status: int) -> int:
    print(f"{program}: {message}", file=sys.stderr)
    return status


def _unknown_command(name: str, found: dict[str, Subcommand]) -> str:
    near = difflib.get_close_matches(name, found, n=1)
    if near:
        return f'there is no command "{name}"; did you mean {near[0]}?'
    return f'there is no command "{name}"; the commands are {", ".join(found)}'
