"""Asking each environment of a mesh what it could serve."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from thinkimg_rpc.serve.config import MeshConfig, WorkerSection
from thinkimg_rpc.serve.environments import WorkerEnvironment
from thinkimg_rpc.serve.plan import surroundings, worker_environments
from thinkimg_rpc.settings import CannotStart
from thinkimg_workers.survey import Asked, Survey

LIMIT_S = 120.0
"""Importing PyTorch from a slow disk takes its time."""


@dataclass(frozen=True)
class Finding:
    """What an environment could serve, or why that is not known."""

    survey: Survey | None = None
    unknown: str = ""
    """It can be asked only once it is built."""
    problem: str = ""
    """Its workers could not start."""


def survey_environments(config: MeshConfig) -> dict[str, Finding]:
    """What each environment of the mesh could serve, by its name; "" is the one we run in."""
    return asyncio.run(_survey_environments(config))


async def _survey_environments(config: MeshConfig) -> dict[str, Finding]:
    environments = worker_environments(config, surroundings(config, ""))
    findings = {}
    for name in dict.fromkeys(worker.env for worker in config.worker):
        asked = _questions([worker for worker in config.worker if worker.env == name])
        try:
            findings[name] = await _ask(environments.get(name), asked)
        except CannotStart as error:
            findings[name] = Finding(problem=str(error))
    return findings


async def _ask(environment: WorkerEnvironment | None, asked: Sequence[Asked]) -> Finding:
    if environment is None:
        return Finding(take_survey_with(sys.executable, os.environ, asked))
    if not await environment.is_there():
        return Finding(unknown="not built yet: `thinkimg serve` builds it, once")
    python = await environment.ready(lambda _: None)
    added = environment.variables(os.environ.get("PYTHONPATH", ""))
    return Finding(take_survey_with(python, os.environ | added, asked))


def take_survey_with(python: str, variables: Mapping[str, str], asked: Sequence[Asked]) -> Survey:
    """What the environment of that interpreter could serve. Raises: CannotStart."""
    # From the current folder, as a worker is started, so that tools of one's own are found.
    command = [python, "-m", "thinkimg_workers.survey"]
    question = msgspec.json.encode(asked)
    try:
        done = subprocess.run(
            command, input=question, env=variables, capture_output=True, timeout=LIMIT_S
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
