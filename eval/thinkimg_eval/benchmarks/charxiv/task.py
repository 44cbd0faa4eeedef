"""The task, from the release on GitHub or the tables of the hub."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thinkimg_agent.sample import Sample
from thinkimg_eval.benchmarks.charxiv.questions import (
    DESCRIPTIVE,
    REASONING,
    Rule,
    descriptive_question,
    reasoning_question,
)
from thinkimg_eval.benchmarks.charxiv.rules import charxiv_rules
from thinkimg_eval.benchmarks.judged import name_and_scorer
from thinkimg_eval.benchmarks.lazy import LazySamples
from thinkimg_eval.benchmarks.pictures import encoded
from thinkimg_eval.benchmarks.source import Source, json_document
from thinkimg_eval.task import Task
from thinkimg_rpc.errors import InvalidRequest

PARTS = ("descriptive", "reasoning")
SOURCE = Source(
    "princeton-nlp/CharXiv",
    "a clone of https://github.com/princeton-nlp/CharXiv with its images.zip unpacked in "
    "images; or the folder of parquet files",
)


@dataclass(frozen=True)
class _Asked:
    id: str
    question: str
    truth: str
    category: str
    rule: Rule
    figure: int
    """Which image: the figure's number, or the row of the table."""


def charxiv(
    *,
    path: Path | None = None,
    split: str = "val",
    part: str = "all",
    judge: str | None = None,
    judge_url: str | None = None,
) -> Task:
    """5,000 questions about 1,000 figures of papers; judged, or by rules.

    Four descriptive questions and one of reasoning each; `part` takes one of the two.
    Published with a judge, which `judge=openai:MODEL` (at `judge_url`) brings; else by
    rules, which are stricter.
    """
    if part not in (*PARTS, "all"):
        raise InvalidRequest.field("task.part", f'"{part}" is none; write {", ".join(PARTS)}, all')
    asked, images = _released(path, split) if path and _is_release(path) else _tabled(path, split)
    chosen = [one for one in asked if part == "all" or one.category.startswith(part)]
    name, scorer = name_and_scorer("charxiv", charxiv_rules, judge, judge_url)

    def sample(_: int, one: _Asked) -> Sample:
        return Sample(
            id=one.id,
            question=one.question,
            images=(images(one.figure),),
            truth=one.truth,
            category=one.category,
            details={"rule": one.rule},
        )

    return Task(name=name, version="1", samples=LazySamples(chosen, sample), scorer=scorer)


def _is_release(path: Path) -> bool:
    return (path / "data").is_dir() and (path / "images").is_dir()


def _released(path: Path, split: str) -> tuple[list[_Asked], Any]:
    """data/descriptive_val.json, data/reasoning_val.json and images/NUMBER.jpg."""
    described = json_document(path / "data" / f"descriptive_{split}.json")
    reasoned = json_document(path / "data" / f"reasoning_{split}.json")
    asked: list[_Asked] = []
    for figure in sorted({*described, *reasoned}, key=int):
        if figure in described:
            place = described[figure]["subplot_loc"]
            row, column = (0, 0) if isinstance(place, str) else place
            questions = zip(described[figure]["qids"], described[figure]["answers"], strict=True)
            plot = (row, column, place if isinstance(place, str) else "")
            asked += _descriptive(int(figure), questions, plot)
        if figure in reasoned:
            one = reasoned[figure]
            asked.append(_reasoning(int(figure), one["query"], one["answer"], one["inst_category"]))
    return asked, lambda figure: (path / "images" / f"{figure}.jpg").read_bytes()


def _tabled(path: Path | None, split: str) -> tuple[list[_Asked], Any]:
    """A row a figure: descriptive_q1…4 and _a1…4, reasoning_q, _a, _a_type, subplot_*, image."""
    if path is None:
        rows: Any = SOURCE.hub_rows("validation" if split == "val" else split)
    else:
        rows = SOURCE.parquet_rows(path, split)
    if rows is None:
        raise SOURCE.missing(f"{path} has neither data and images nor {split}*.parquet")
    columns = [name for name in rows.column_names if name != "image"]
    asked: list[_Asked] = []
    for number, row in enumerate(rows.select_columns(columns)):
        questions = [(row[f"descriptive_q{n}"], row[f"descriptive_a{n}"]) for n in (1, 2, 3, 4)]
        plot = (row["subplot_row"] or 0, row["subplot_col"] or 0, row["subplot_loc"] or "")
        asked += _descriptive(number, questions, plot)
        one = row["reasoning_q"], row["reasoning_a"], row["reasoning_a_type"]
        asked.append(_reasoning(number, *one))
    return asked, lambda number: encoded(rows[number]["image"])


def _descriptive(figure: int, questions: Any, plot: tuple[int, int, str]) -> Iterator[_Asked]:
    for place, (kind, answer) in enumerate(questions, 1):
        described = DESCRIPTIVE[kind]
        yield _Asked(
            id=f"charxiv-{figure}-{place}",
            question=descriptive_question(described, *plot),
            truth=_known(answer),
            category=f"descriptive: {described.category}",
            rule=described.rule,
            figure=figure,
        )


def _reasoning(figure: int, asked: str, answer: str | None, kind: int) -> _Asked:
    truth, reasoned = _known(answer), REASONING[kind]
    return _Asked(
        id=f"charxiv-{figure}-reasoning",
        question=reasoning_question(reasoned, asked, truth),
        truth=truth,
        category=f"reasoning: {reasoned.category}",
        rule=reasoned.rule,
        figure=figure,
    )


def _known(answer: str | None) -> str:
    if answer is None:
        raise InvalidRequest.field(
            "task.split", "the answers of this split are not public; take val"
        )
    return answer
