"""Who may import whom. Only the wire joins the agent and the workers."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LAYERS: dict[str, set[str]] = {
    "thinkimg_rpc": set(),
    "workers/thinkimg_workers": {"thinkimg_rpc"},
    "agent/thinkimg_agent": {"thinkimg_rpc"},
    "eval/thinkimg_eval": {"thinkimg_rpc", "thinkimg_agent"},
    "train/thinkimg_train": {"thinkimg_rpc", "thinkimg_agent", "thinkimg_eval"},
}
OURS = {Path(folder).name for folder in LAYERS}
# An editable install makes these importable, as empty namespaces.
FOLDERS = {"workers", "agent", "eval", "train", "tests", "scripts", "examples", "protos", "bench"}
VAGUE = {"utils", "util", "common", "helpers", "helper", "manager", "handler", "misc", "base"}

# What a process of the mesh must not load: memory that every one of them would hold.
HEAVY = {"typer", "click", "rich", "jsonschema", "pydantic", "fastapi", "torch", "rapidocr"}
IMAGING = {"numpy", "cv2", "PIL", "onnxruntime"}
PROCESSES = {
    "thinkimg_rpc": HEAVY | IMAGING | {"grpc", "google", "asyncio"},
    "thinkimg_rpc.v1": HEAVY | IMAGING,
    "thinkimg_rpc.errors": HEAVY | IMAGING | {"grpc"},
    "thinkimg_rpc.hub.__main__": HEAVY | IMAGING,
    "thinkimg_rpc.server.__main__": HEAVY | {"onnxruntime"},
    "thinkimg_rpc.client": HEAVY | IMAGING,
}


def _imports(path: Path) -> Iterator[str]:
    """The top-level names a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0]


def _sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("folder", LAYERS)
def test_a_package_imports_only_the_layers_below_it(folder: str) -> None:
    allowed = LAYERS[folder] | {Path(folder).name}
    offences = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in _sources(folder)
        for name in set(_imports(path)) & OURS - allowed
    ]
    assert not offences


@pytest.mark.parametrize("folder", [*LAYERS, "tests", "scripts", "examples"])
def test_nobody_imports_a_folder_of_the_repository(folder: str) -> None:
    # The benchmark is a package, and its own tests import it.
    forbidden = FOLDERS - {"bench"} if folder == "tests" else FOLDERS
    offences = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in _sources(folder)
        for name in set(_imports(path)) & forbidden
    ]
    assert not offences


@pytest.mark.parametrize("folder", LAYERS)
def test_every_module_is_named_after_what_it_does(folder: str) -> None:
    vague = [
        str(path.relative_to(ROOT))
        for path in _sources(folder)
        if path.stem in VAGUE or path.stem.startswith("base_")
    ]
    assert not vague


@pytest.mark.parametrize("module", PROCESSES)
def test_a_process_loads_only_what_it_needs(module: str) -> None:
    program = f"import {module}, sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert set(result.stdout.split()) & PROCESSES[module] == set()
