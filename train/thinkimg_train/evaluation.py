"""A checkpoint's answers to the questions of a task: what `thinkimg eval run` makes of them.

It runs beside the trainer, in processes of its own, on the checkpoint as it is
saved: the number is the one that anybody gets from that folder, and nothing of it
reaches the training, neither its random numbers nor a tool that fails.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from thinkimg_eval.report.writing import SUMMARY
from thinkimg_eval.run.config import RunConfig
from thinkimg_eval.run.fields import Word
from thinkimg_eval.run.reading import read_run
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.config import EvaluationSection


def check_evaluation(section: EvaluationSection) -> None:
    """Raises: InvalidRequest, at the beginning instead of after the first so many steps."""
    if section.every_steps:
        _run_config(section, "transformers:checkpoint", "evaluation")


def evaluate(
    section: EvaluationSection, model: Path, out: Path, *, port: int | None
) -> dict[str, float]:
    """What a saved model comes to; with several processes, all of them call it.

    Args:
        port: at which the processes that share the questions find each other.
    Raises: RuntimeError, with what the evaluation said last.
    """
    words = [*_words(section.run), "--policy.name", f"transformers:{model}", "--out", str(out)]
    finished = subprocess.run(
        [sys.executable, "-m", "thinkimg_eval", "run", *words],
        env=_environment(port),
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        last = "\n".join(finished.stderr.strip().splitlines()[-5:])
        raise RuntimeError(f"the evaluation of {model} failed:\n{last}")
    summary = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
    return {"evaluation/accuracy": float(summary["accuracy"]["mean"])}


def is_evaluated(out: Path) -> bool:
    return (out / SUMMARY).exists()


def free_port() -> int:
    with socket.socket() as there:
        there.bind(("127.0.0.1", 0))
        return int(there.getsockname()[1])


def _run_config(section: EvaluationSection, policy: str, out: str) -> RunConfig:
    table = _as_words(_with_names(section.run))
    for name in ("out", "name"):
        if name in table:
            raise InvalidRequest.field(f"evaluation.run.{name}", "the trainer chooses it")
    asked = {**table, "policy": {**table.get("policy", {}), "name": policy}, "out": out}
    return read_run(asked, RunConfig)


def _with_names(run: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"name": value} if name == "task" and isinstance(value, str) else value
        for name, value in run.items()
    }


def _as_words(value: Any) -> Any:
    """With all text as that of a command line, from which it may have come."""
    if isinstance(value, Mapping):
        return {name: _as_words(inner) for name, inner in value.items()}
    return Word(value) if isinstance(value, str) else value


def _words(run: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """A table as the words of a command line: --task.split dev."""
    for name, value in _with_names(run).items() if not before else run.items():
        field = f"{before}{name}"
        if isinstance(value, Mapping):
            yield from _words(value, f"{field}.")
            continue
        shown = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        yield f"--{field}={shown.lower() if isinstance(value, bool) else shown}"


def _environment(port: int | None) -> dict[str, str]:
    """This process's, without what its launcher says of the training's own group."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TORCHELASTIC_", "ACCELERATE_"))
    }
    if port is not None:
        kept["MASTER_PORT"] = str(port)
    return kept
