"""Asking each environment of a mesh what it could serve."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence

import msgspec

from thinkimg_rpc.serve.config import MeshConfig, WorkerSection
from thinkimg_rpc.settings import CannotStart
from thinkimg_workers.survey import Asked, Survey

LIMIT_S = 120.0
"""Importing PyTorch from a slow disk takes its time."""


def survey_of_each_worker(config: MeshConfig) -> Iterator[tuple[WorkerSection, str, Survey]]:
    """Each worker with the name of its environment and what was found there.

    Raises: CannotStart.
    """
    survey = take_survey_with(sys.executable, _questions(config.worker))
    for worker in config.worker:
        yield worker, "", survey


def take_survey_with(python: str, asked: Sequence[Asked]) -> Survey:
    """What the environment of that interpreter could serve. Raises: CannotStart."""
    # From the current folder, as a worker is started, so that tools of one's own are found.
    command = [python, "-m", "thinkimg_workers.survey"]
    try:
        done = subprocess.run(
            command, input=msgspec.json.encode(asked), capture_output=True, timeout=LIMIT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotStart(f"{python} cannot be asked what it could serve: {error}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
        raise CannotStart(f"{python} cannot be asked what it could serve: {said[-1]}")
    return msgspec.json.decode(done.stdout, type=Survey)


def _questions(workers: Sequence[WorkerSection]) -> list[Asked]:
    """One for each tool of each worker; replicas on several devices are asked about each."""
    return [
        Asked(worker.name, tool, models)
        for worker in workers
        for tool in worker.tools
        for models in dict.fromkeys(worker.models(number) for number in range(worker.replicas))
    ]
