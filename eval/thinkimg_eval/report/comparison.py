"""Two runs of the same questions, held against each other question by question."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from thinkimg_eval.report.intervals import Estimate, bootstrap, grouped
from thinkimg_eval.report.page import episode_link, templates
from thinkimg_eval.report.results import Result, Results, read_results
from thinkimg_eval.run.folder import write_json
from thinkimg_eval.run.origin import Origin
from thinkimg_rpc.errors import InvalidRequest

COMPARISON = "comparison"
"""The name of both files, before the dot."""


class Flip(msgspec.Struct, kw_only=True, frozen=True):
    """A question that the runs scored differently."""

    sample_id: str
    category: str
    question: str
    truth: str | None
    answers: tuple[str | None, str | None]
    scores: tuple[float, float]
    links: tuple[str, str]
    """To the episodes, from the folder of the second run."""


class Comparison(msgspec.Struct, kw_only=True, frozen=True):
    """`comparison.json`: how the second run differs from the first."""

    folders: tuple[str, str]
    runs: tuple[Origin, Origin]
    questions: int
    """That both have a score for; all that follows is about these."""
    only_one: int
    """That only one of them has a score for."""
    accuracy: tuple[float, float]
    difference: Estimate
    """Second minus first; a bootstrap over images."""
    by_category: dict[str, Estimate]
    better: list[Flip]
    worse: list[Flip]


def compare(first: Path, second: Path) -> Comparison:
    """How the second run differs from the first.

    Raises: InvalidRequest, when they are of other questions.
    """
    before, after = read_results(first), read_results(second)
    _refuse_other_questions(before, after)
    pairs = _pairs(before, after)
    flips = [_flip(old, new, first, second) for old, new in pairs if _score(old) != _score(new)]
    scored = [
        {one.sample_id for one in run.results if one.score is not None} for run in (before, after)
    ]
    return Comparison(
        folders=(str(first), str(second)),
        runs=(before.run, after.run),
        questions=len(pairs),
        only_one=len(scored[0] ^ scored[1]),
        accuracy=(
            round(sum(_score(old) for old, _ in pairs) / len(pairs), 6),
            round(sum(_score(new) for _, new in pairs) / len(pairs), 6),
        ),
        difference=difference_of(pairs),
        by_category={
            category: difference_of([pair for pair in pairs if pair[0].category == category])
            for category in sorted({old.category for old, _ in pairs if old.category})
        },
        better=[flip for flip in flips if flip.scores[1] > flip.scores[0]],
        worse=[flip for flip in flips if flip.scores[1] < flip.scores[0]],
    )


def write_comparison(comparison: Comparison) -> Path:
    """Write it into the folder of the second run, as JSON and as a page; the page."""
    folder = Path(comparison.folders[1])
    write_json(folder / f"{COMPARISON}.json", comparison)
    page = folder / f"{COMPARISON}.html"
    html = templates().get_template("comparison.html").render(one=comparison)
    page.write_text(html, encoding="utf-8")
    return page


def difference_of(pairs: Sequence[tuple[Result, Result]]) -> Estimate:
    """The mean of second minus first, with its interval."""
    changes = np.array([_score(new) - _score(old) for old, new in pairs], np.float64)
    low, high = bootstrap(*grouped(changes, [old.image or old.sample_id for old, _ in pairs]))
    return Estimate(
        mean=round(float(changes.mean()), 6), low=round(low, 6), high=round(high, 6), n=len(pairs)
    )


def _refuse_other_questions(before: Results, after: Results) -> None:
    old, new = before.run.task, after.run.task
    if (old.name, old.version) != (new.name, new.version):
        raise InvalidRequest(
            f"the runs are of other questions, {old.name} {old.version} and "
            f"{new.name} {new.version}; only runs of one task and version can be compared"
        )


def _pairs(before: Results, after: Results) -> list[tuple[Result, Result]]:
    """Raises: InvalidRequest, when there are none, or what bears one name differs."""
    later = {one.sample_id: one for one in after.results if one.score is not None}
    pairs = [
        (one, later[one.sample_id])
        for one in before.results
        if one.score is not None and one.sample_id in later
    ]
    for old, new in pairs:
        if (old.question, old.truth) != (new.question, new.truth):
            raise InvalidRequest(
                f'the runs are of other questions: {old.sample_id} is "{old.question}" '
                f'({old.truth}) in one and "{new.question}" ({new.truth}) in the other'
            )
    if not pairs:
        raise InvalidRequest("the runs have no question that both have scored")
    return pairs


def _flip(old: Result, new: Result, first: Path, second: Path) -> Flip:
    other = Path(os.path.relpath(first, second))
    return Flip(
        sample_id=new.sample_id,
        category=new.category,
        question=new.question,
        truth=new.truth,
        answers=(old.answer, new.answer),
        scores=(_score(old), _score(new)),
        links=(f"{other.as_posix()}/{episode_link(old.index)}", episode_link(new.index)),
    )


def _score(result: Result) -> float:
    assert result.score is not None
    return result.score
