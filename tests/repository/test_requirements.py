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
# The extra that a file's imports must be covered by: that of its longest prefix here.
EXTRA_OF = {
    "thinkimg_rpc": None,
    "thinkimg_rpc/certificates.py": "certs",
    "thinkimg_rpc/check": "serve",
    "thinkimg_rpc/event_loop.py": "worker",
    "thinkimg_rpc/imaging": "worker",
    "thinkimg_rpc/imaging/mask.py": "serve",
    "thinkimg_rpc/server": "worker",
    "thinkimg_rpc/tool.py": "worker",
    "thinkimg_rpc/xds": "xds",
    "workers/thinkimg_workers": "serve",
    "workers/thinkimg_workers/ocr_easyocr.py": "models",
    "workers/thinkimg_workers/grounding/groundingdino_py.py": "models",
    "workers/thinkimg_workers/grounding/transformers_dino.py": "models",
    "workers/thinkimg_workers/pointing/transformers_vlm.py": "models",
    "workers/thinkimg_workers/segmentation/sam2_package.py": "models",
    "workers/thinkimg_workers/segmentation/transformers_sam2.py": "models",
    # It looks whether PyTorch is there before it asks it anything.
    "workers/thinkimg_workers/survey.py": "models",
    "workers/thinkimg_workers/torch_models.py": "models",
    "agent/thinkimg_agent": "agent",
    "agent/thinkimg_agent/policies/chat_tokens.py": "models",
    "agent/thinkimg_agent/policies/decoding.py": "models",
    "agent/thinkimg_agent/policies/local_sampling.py": "models",
    "agent/thinkimg_agent/policies/pixel_features.py": "models",
    "agent/thinkimg_agent/policies/transformers_vlm.py": "models",
    "agent/thinkimg_agent/policies/vllm_engine.py": "vllm",
    "agent/thinkimg_agent/policies/vllm_server.py": "models",
    "eval/thinkimg_eval": "eval",
    # Only processes that share a run ask for PyTorch, which started them.
    "eval/thinkimg_eval/run/ranks.py": "models",
    "train/thinkimg_train": "train",
    "train/thinkimg_train/collect": "eval",
    "train/thinkimg_train/formats": "eval",
    "train/thinkimg_train/logbook.py": "wandb",
    "train/thinkimg_train/rollouts/merged_weights.py": "deepspeed",
    "bench": "bench",
    "bench/sft.py": "train",
    "tests": "dev",
    "scripts": "dev",
}
# What no extra can bring: sam2 is built against the PyTorch that is there, and
# groundingdino and vLLM need environments of their own.
INSTALLED_APART = {"sam2", "groundingdino", "vllm"}


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


@pytest.mark.parametrize(
    "extra", [None, "worker", "serve", "models", "agent", "eval", "train", "bench", "test", "dev"]
)
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
    offences = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        name = str(path.relative_to(ROOT))
        extra = EXTRA_OF[max((one for one in EXTRA_OF if name.startswith(one)), key=len)]
        allowed = _names([*_requirements(pyproject), *_requirements(pyproject, extra)])
        missing = {module for module in _outside(path) if not _distributions(module) & allowed}
        offences += [f"{name} imports {module}" for module in missing]
    assert not offences


def test_the_table_of_extras_names_what_is_there() -> None:
    assert [name for name in EXTRA_OF if not (ROOT / name).exists()] == []


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
    own = sys.stdlib_module_names | OWN | INSTALLED_APART
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
