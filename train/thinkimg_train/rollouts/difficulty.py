"""How hard a task's questions are, as an evaluation or a collection before has found."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from thinkimg_eval.report.results import RESULTS, read_results
from thinkimg_eval.run.origin import TaskOrigin
from thinkimg_eval.tasks import OpenedTask
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.collect.folder import ATTEMPTS, CollectFolder

_WRONG = ("unanswered", "wrong_answer")
"""Rules of a collection that say so; the others are about how an answer was come to."""


def known_rates(folders: Sequence[Path], opened: OpenedTask) -> dict[int, float]:
    """The mean score of each question that any of the folders has, by its place in the task.

    Args:
        folders: of `thinkimg eval run` or `thinkimg collect`, with questions of this task.
    Raises: InvalidRequest, when one of them is neither, or of other questions.
    """
    scores: dict[int, list[float]] = defaultdict(list)
    for folder in folders:
        task, found = _scores(folder)
        _refuse_other_questions(folder, task, opened)
        for index, score in found:
            scores[index].append(score)
    return {index: statistics.fmean(every) for index, every in scores.items()}


def _scores(folder: Path) -> tuple[TaskOrigin, Iterator[tuple[int, float]]]:
    """Of what task, and the score of each try by the index of its question."""
    if (folder / RESULTS).exists():
        read = read_results(folder)
        scored = ((one.index, one.score) for one in read.results)
        return read.run.task, ((index, score) for index, score in scored if score is not None)
    if (folder / ATTEMPTS).exists():
        collection = CollectFolder(folder)
        tries = [one for every in collection.attempts().values() for one in every]
        rated = ((one.sample_index, any(r.rule in _WRONG for r in one.reasons)) for one in tries)
        return collection.origin().run.task, ((index, float(not bad)) for index, bad in rated)
    raise InvalidRequest.field(
        "curriculum.known",
        f"{folder} has neither {RESULTS} nor {ATTEMPTS}: name a folder of `thinkimg eval run` or "
        "`thinkimg collect`",
    )


def _refuse_other_questions(folder: Path, task: TaskOrigin, opened: OpenedTask) -> None:
    here = opened.task
    options = {name: str(value) for name, value in opened.options.items()}
    theirs = {name: str(value) for name, value in task.options.items()}
    if (task.name, task.version, theirs) != (here.name, here.version, options):
        raise InvalidRequest.field(
            "curriculum.known",
            f"{folder} is of other questions: {_said(task.name, task.version, theirs)}; the run "
            f"asks {_said(here.name, here.version, options)}",
        )


def _said(name: str, version: str, options: dict[str, str]) -> str:
    return " ".join([name, version, *(f"{one}={value}" for one, value in options.items())])
