"""What an environment is made from: its interpreter, its requirements, what it inherits."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import site
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from thinkimg_rpc.serve import own_package
from thinkimg_rpc.serve.config import EnvironmentSection
from thinkimg_rpc.settings import CannotStart

OLDEST_PYTHON = (3, 11)
_METHOD = 1
"""Raise it when environments are built in another way, so that none of the old are used."""
_ASK = "import sys; print(sys.executable, sys.base_prefix, *sys.version_info[:3], sep='\\n')"


@dataclass(frozen=True)
class Interpreter:
    """A Python."""

    path: str
    base: str
    """Where it is installed: the same for all virtual environments of one Python."""
    version: tuple[int, ...]
    """(3, 11, 7)"""


@dataclass(frozen=True)
class Recipe:
    """All that decides what an environment contains. Two that are equal share one."""

    requirements: tuple[str, ...]
    """For pip, those of a worker process among them."""
    needs: tuple[str, ...]
    """What our own requirement stands for."""
    python: Interpreter
    inherited_folders: tuple[str, ...] = ()
    inherited: tuple[str, ...] = ()
    """What is in these folders: "torch==2.15.0"."""

    @property
    def key(self) -> str:
        """A name for it: another if anything is another."""
        told = asdict(self)
        # The same Python, whichever of its virtual environments we run in.
        told["python"] = [self.python.base, self.python.version]
        told["method"] = _METHOD
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]

    @property
    def inherits_pip(self) -> bool:
        """Whether pip need not be installed: that takes longer than all the rest of a venv."""
        return bool(self.inherited_folders) and find_spec("pip") is not None


async def recipe_of(section: EnvironmentSection) -> Recipe:
    """What `[env.NAME]` asks for on this machine.

    Raises: CannotStart, when its Python is missing or unsuited.
    """
    python = await find_interpreter(section.python)
    recipe = Recipe(
        (*section.requirements, own_package.requirement()), tuple(own_package.needs()), python
    )
    if not section.inherit:
        return recipe
    if python.version[:2] != sys.version_info[:2]:
        raise CannotStart(
            "inherit = true needs the Python of `thinkimg serve`, "
            f"{_dotted(sys.version_info[:2])}, and {section.python} is {_dotted(python.version)}; "
            "leave out one of the two"
        )
    folders = [path for path in _package_folders() if path in sys.path]
    installed = sorted({f"{d.name}=={d.version}" for d in metadata.distributions(path=folders)})
    return Recipe(recipe.requirements, recipe.needs, python, tuple(folders), tuple(installed))


async def find_interpreter(name: str) -> Interpreter:
    """The Python of that name or path; ours if "".

    Raises: CannotStart, when there is none or it is too old.
    """
    if not name:
        return Interpreter(sys.executable, sys.base_prefix, sys.version_info[:3])
    path = shutil.which(name)
    if path is None:
        raise CannotStart(f'python = "{name}" is not there; give the path of an interpreter')
    python = await _ask(path, name)
    if python.version < OLDEST_PYTHON:
        raise CannotStart(
            f'python = "{name}" is Python {_dotted(python.version)}; '
            f"{_dotted(OLDEST_PYTHON)} or newer is needed"
        )
    return python


async def _ask(path: str, name: str) -> Interpreter:
    try:
        process = await asyncio.create_subprocess_exec(
            *(path, "-I", "-c", _ASK),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        said, _ = await process.communicate()
        executable, base, major, minor, micro = said.decode().split("\n")[:5]
        return Interpreter(executable, base, (int(major), int(minor), int(micro)))
    except (OSError, ValueError) as error:
        raise CannotStart(f'python = "{name}": {path} is no working Python') from error


def _package_folders() -> list[str]:
    """Where packages of our own environment are installed, in the order they are searched."""
    user = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    return [folder for folder in (*user, *site.getsitepackages()) if Path(folder).is_dir()]


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
