"""What a call is given on the command line: images and arguments."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

Tool = Annotated[
    str, typer.Argument(metavar="TOOL", help="The tool's name, as `thinkimg tools` lists it.")
]
Images = Annotated[
    list[str] | None,
    typer.Option(
        "--image",
        metavar="FILE",
        help="An image file; repeat it for more. They are called img_1, img_2 and so on "
        "in the arguments, or NAME if given as NAME=FILE.",
    ),
]
Arguments = Annotated[
    str,
    typer.Option(
        "--args",
        metavar="JSON",
        help="The tool's arguments as a JSON object, @FILE to read them from a file, or - to "
        "read them from standard input. The only image need not be named.",
    ),
]

_NAMED = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<file>.+)", re.DOTALL)


def read_images(given: Sequence[str] | None) -> dict[str, bytes]:
    """The bytes of each image by its name, in the order given.

    Raises: typer.BadParameter, when a file cannot be read or a name comes twice.
    """
    images: dict[str, bytes] = {}
    for number, text in enumerate(given or (), 1):
        name, path = _name_and_path(text, number)
        if name in images:
            raise typer.BadParameter(f"two images are called {name}", param_hint="--image")
        images[name] = _read(path, "--image")
    return images


def read_arguments(given: str) -> str:
    """The JSON text of the arguments, wherever it is.

    Raises: typer.BadParameter, when the file cannot be read or is no text.
    """
    if given == "-":
        return sys.stdin.read()
    if not given.startswith("@"):
        return given
    try:
        return _read(Path(given[1:]), "--args").decode()
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{given[1:]} is no UTF-8 text", param_hint="--args") from error


def _name_and_path(text: str, number: int) -> tuple[str, Path]:
    named = _NAMED.fullmatch(text)
    if named is None or Path(text).exists():
        return f"img_{number}", Path(text)
    return named["name"], Path(named["file"])


def _read(path: Path, option: str) -> bytes:
    try:
        return path.expanduser().read_bytes()
    except OSError as error:
        raise typer.BadParameter(
            f"cannot read {path}: {error.strerror}", param_hint=option
        ) from error
