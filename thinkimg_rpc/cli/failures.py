"""Whatever goes wrong, in one line and an exit status.

2 is the caller's fault (a wrong argument, a bad image, a broken mesh.toml), 1
the mesh's or this program's, 130 an interrupt.
"""

from __future__ import annotations

import typer

from thinkimg_rpc.cli.commands import MissingPackage
from thinkimg_rpc.contract import ContractError
from thinkimg_rpc.errors import CallerError, MeshFault
from thinkimg_rpc.settings import CannotStart

CALLERS_FAULT = 2
MESHS_FAULT = 1
TRACEBACK_VARIABLE = "THINKIMG_TRACEBACK"
"""Set it to 1 to see where an unexpected error comes from."""


def exit_status(error: Exception) -> int:
    """2 for what the caller can mend, else 1."""
    if isinstance(error, typer.TyperException):
        return error.exit_code
    callers = (CallerError, CannotStart, ContractError, MissingPackage)
    return CALLERS_FAULT if isinstance(error, callers) else MESHS_FAULT


def is_expected(error: Exception) -> bool:
    """Whether the error's own text is for people."""
    known = (typer.TyperException, CallerError, MeshFault, CannotStart, ContractError)
    return isinstance(error, (*known, MissingPackage))


def one_line(error: Exception) -> str:
    """What to print: what is wrong and what to do about it."""
    if isinstance(error, typer.TyperException):
        # typer prefixes what its validation library says.
        return " ".join(error.format_message().replace("Value error, ", "").split())
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is not installed"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    text = " ".join(str(error).split())
    if is_expected(error):
        return text
    return (
        f"unexpected {type(error).__name__}: {text or 'no more is known'} "
        f"({TRACEBACK_VARIABLE}=1 shows where)"
    )
