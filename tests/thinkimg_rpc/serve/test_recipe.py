from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from thinkimg_rpc.serve.config import EnvironmentSection
from thinkimg_rpc.serve.recipe import Interpreter, Recipe, find_interpreter, recipe_of
from thinkimg_rpc.settings import CannotStart

PYTHON = Interpreter("/venv/bin/python", "/usr", (3, 11, 7))
RECIPE = Recipe(("timm", "thinkimg-rpc[worker]==1"), ("numpy>=1.26",), PYTHON)


def python_that_says(folder: Path, *lines: object) -> str:
    path = folder / "python"
    path.write_text("#!/bin/sh\n" + "".join(f"echo {line}\n" for line in lines))
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    "other",
    [
        replace(RECIPE, requirements=("timm<1", "thinkimg-rpc[worker]==1")),
        replace(RECIPE, needs=("numpy>=2",)),
        replace(RECIPE, python=replace(PYTHON, version=(3, 11, 8))),
        replace(RECIPE, inherited_folders=("/site-packages",)),
        replace(RECIPE, inherited=("torch==2.15.0",)),
    ],
)
def test_whatever_decides_what_an_environment_has_is_in_its_key(other: Recipe) -> None:
    assert other.key != RECIPE.key


def test_the_same_python_in_another_virtual_environment_makes_the_same() -> None:
    elsewhere = replace(PYTHON, path="/other/bin/python")
    assert replace(RECIPE, python=elsewhere).key == RECIPE.key


async def test_a_worker_gets_what_it_needs_beside_what_it_asks_for() -> None:
    recipe = await recipe_of(EnvironmentSection(requirements=("timm",)))
    assert recipe.requirements[0] == "timm"
    assert recipe.requirements[1].startswith("thinkimg-rpc[worker]==")
    needed = " ".join(recipe.needs)
    assert all(name in needed for name in ("grpcio", "protobuf", "numpy", "opencv", "uvloop"))
    assert "rapidocr" not in needed
    assert recipe.inherited == ()


async def test_what_is_inherited_is_known_by_name_and_version() -> None:
    recipe = await recipe_of(EnvironmentSection(requirements=("timm",), inherit=True))
    assert any(text.startswith("numpy==") for text in recipe.inherited)


async def test_a_python_that_is_not_there_is_named() -> None:
    with pytest.raises(CannotStart, match=r'python = "python3\.99" is not there'):
        await find_interpreter("python3.99")


async def test_a_python_that_is_too_old_is_told_with_its_version(tmp_path: Path) -> None:
    name = python_that_says(tmp_path, "/usr/bin/python", "/usr", 3, 9, 18)
    with pytest.raises(CannotStart, match=r"is Python 3\.9\.18; 3\.11 or newer is needed"):
        await find_interpreter(name)


async def test_what_is_no_python_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="is no working Python"):
        await find_interpreter(python_that_says(tmp_path, "hello"))


async def test_packages_are_not_inherited_by_another_python(tmp_path: Path) -> None:
    name = python_that_says(tmp_path, "/usr/bin/python", "/usr", 3, sys.version_info[1] + 1, 0)
    section = EnvironmentSection(requirements=("timm",), python=name, inherit=True)
    with pytest.raises(CannotStart, match="inherit = true needs the Python of `thinkimg serve`"):
        await recipe_of(section)
