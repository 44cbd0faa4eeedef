"""What an environment could serve: `python -m thinkimg_workers.survey`, asked by the doctor.

A process of its own, in the environment that the workers would run in: it reads a
list of `Asked` as JSON from standard input and writes a `Survey` to standard
output. No model is loaded.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import msgspec

from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_rpc.tool import check_backend, load_tool
from thinkimg_workers.backends import Backend, choices_of
from thinkimg_workers.weights import named_weights

PACKAGES = (
    "onnxruntime",
    "rapidocr",
    "torch",
    "transformers",
    "sam2",
    "easyocr",
    "groundingdino-py",
    "bitsandbytes",
)
"""What the backends compute with."""


class Asked(msgspec.Struct, frozen=True):
    """A tool of a worker, and what `mesh.toml` says of its backend."""

    worker: str
    tool: str
    """Its class, "package.module:Class"."""
    models: ModelSettings


class Obstacle(msgspec.Struct, frozen=True):
    """Why a backend that would be preferred cannot be had, with the remedy."""

    backend: str
    reason: str


class Prospect(msgspec.Struct, frozen=True):
    """What would come of one tool."""

    worker: str
    tool: str
    """As a model calls it; its class, where that cannot be loaded."""
    backend: str = ""
    better: tuple[Obstacle, ...] = ()
    problem: str = ""
    """Why the worker could not start; empty if it could."""


class Survey(msgspec.Struct, frozen=True):
    """What there is, and what would come of all that was asked for."""

    python: str
    packages: dict[str, str]
    """Versions of those of PACKAGES that are installed."""
    devices: tuple[str, ...]
    """The GPUs that PyTorch can use, with their memory."""
    prospects: tuple[Prospect, ...]


def take_survey(asked: Sequence[Asked]) -> Survey:
    """Look around in the environment of this process."""
    devices = tuple(_gpus())
    return Survey(
        python=platform.python_version(),
        packages=dict(_installed()),
        devices=devices,
        prospects=tuple(prospect(one, gpus=len(devices)) for one in asked),
    )


def prospect(asked: Asked, *, gpus: int) -> Prospect:
    """Which backend would answer for a tool on a machine with so many GPUs, and why no better."""
    name = asked.tool
    try:
        tool = load_tool(asked.tool)
        name = tool.contract().name
        check_backend(tool, asked.models)  # type: ignore[arg-type]
        choices = choices_of(tool)
        if not choices:
            of_its_own = f"one of {', '.join(tool.backends)}" if tool.backends else tool.backend
            return Prospect(asked.worker, name, of_its_own)
        chosen, better = _choose(choices, asked.models)
        _check_place(chosen, asked.models, gpus)
    except (CannotStart, ImportError) as error:
        return Prospect(asked.worker, name, problem=str(error))
    return Prospect(asked.worker, name, chosen.name, better)


def _choose(
    choices: Sequence[Backend], settings: ModelSettings
) -> tuple[Backend, tuple[Obstacle, ...]]:
    """The backend that would be opened, and what stands in the way of those preferred to it.

    Raises: CannotStart.
    """
    better: list[Obstacle] = []
    for backend in choices:
        wanted = settings.backend in ("auto", backend.name)
        reason = backend.obstacle(settings)
        if wanted and not reason:
            return backend, tuple(better)
        if settings.backend == backend.name:
            raise CannotStart(f'backend "{backend.name}": {reason}')
        better.append(Obstacle(backend.name, reason or f'mesh.toml asks for "{settings.backend}"'))
    raise CannotStart("; ".join(f"{one.backend}: {one.reason}" for one in better))


def _check_place(chosen: Backend, settings: ModelSettings, gpus: int) -> None:
    """Raises: CannotStart, when named weights or a named device are not there."""
    if chosen.weights and settings.weights:
        named_weights(settings.weights)
    kind, _, index = settings.device.partition(":")
    if "torch" in chosen.modules and kind == "cuda" and int(index or 0) >= gpus:
        raise CannotStart(f'device = "{settings.device}": PyTorch sees {gpus} GPUs here')


def _installed() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue


def _gpus() -> Iterator[str]:
    """A line for each GPU that PyTorch can use."""
    if find_spec("torch") is None:
        return
    import torch

    for number in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(number)
        name = torch.cuda.get_device_name(number)
        yield f"cuda:{number} {name}, {free >> 30} of {total >> 30} GiB free"


def main() -> None:
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Asked])
    sys.stdout.buffer.write(msgspec.json.encode(take_survey(asked)))


if __name__ == "__main__":
    main()
