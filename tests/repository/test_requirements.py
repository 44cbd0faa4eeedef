"""What pyproject.toml asks for: bounded, and all that the code imports."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Mapping
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SHIPPED = [
    "thinkimg_rpc",
    "workers/thinkimg_workers",
    "agent/thinkimg_agent",
    "eval/thinkimg_eval",
    "train/thinkimg_train",
]
OWN = {Path(folder).name for folder in SHIPPED} | {
    "bench",
    *(path.stem for path in (ROOT / "scripts").glob("*.py")),
}
# Parts of thinkimg_rpc that run only where [serve] is installed.
NEEDS_SERVE = [
    "thinkimg_rpc/event_loop.py",
    "thinkimg_rpc/imaging",
    "thinkimg_rpc/server",
    "thinkimg_rpc/tool.py",
]


def _requirements(pyproject: dict[str, Any], extra: str | None = None) -> list[Requirement]:
    """Those of the base install or of an extra, with those of the extras that it contains."""
    project = pyproject["project"]
    texts = project["dependencies"] if extra is None else project["optional-dependencies"][extra]
    found = []
    for requirement in map(Requirement, texts):
        if requirement.name == project["name"]:
            found += [
                one for inner in requirement.extras for one in _requirements(pyproject, inner)
            ]
        else:
            found.append(requirement)
    return found


def _names(requirements: list[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


@pytest.mark.parametrize("extra", [None, "worker", "serve", "bench", "dev"])
def test_every_requirement_is_a_range_that_today_fits(
    pyproject: dict[str, Any], extra: str | None
) -> None:
    for requirement in _requirements(pyproject, extra):
        operators = {specifier.operator for specifier in requirement.specifier}
        assert operators == {">=", "<"}, f"{requirement} needs a lower and an upper bound"
        assert version(requirement.name) in requirement.specifier


def test_serving_needs_no_torch(pyproject: dict[str, Any]) -> None:
    assert "torch" not in _names(_requirements(pyproject, "serve"))


@pytest.mark.parametrize("folder", [*SHIPPED, "bench", "tests", "scripts"])
def test_what_is_imported_is_required(pyproject: dict[str, Any], folder: str) -> None:
    base = _names(_requirements(pyproject))
    serve = base | _names(_requirements(pyproject, "serve"))
    bench = serve | _names(_requirements(pyproject, "bench"))
    dev = bench | _names(_requirements(pyproject, "dev"))
    offences = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        name = str(path.relative_to(ROOT))
        needs_serve = name.startswith(("workers", *NEEDS_SERVE))
        allowed = {"bench": bench, "tests": dev}.get(folder, serve if needs_serve else base)
        missing = {module for module in _outside(path) if not _distributions(module) & allowed}
        offences += [f"{name} imports {module}" for module in missing]
    assert not offences


def _outside(path: Path) -> set[str]:
    """The modules a file imports when it runs that are neither Python's nor ours."""
    tree = ast.parse(path.read_text())
    hidden = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if node in hidden:
            continue
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    own = sys.stdlib_module_names | OWN
    return {name for name in names if name.partition(".")[0] not in own}


def _distributions(module: str) -> set[str]:
    """The installed distributions that a module may come from."""
    # Two of them share the namespace `google`.
    if module.startswith("google."):
        return {"protobuf" if module.startswith("google.protobuf") else "googleapis-common-protos"}
    return {canonicalize_name(name) for name in _providers().get(module.partition(".")[0], [])}


@functools.cache
def _providers() -> Mapping[str, list[str]]:
    return packages_distributions()
