"""Questions of one's own: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thinkimg_agent.sample import Sample
from thinkimg_eval.benchmarks.lazy import LazySamples
from thinkimg_eval.scorers import judge_of, scorer_named
from thinkimg_eval.task import Task
from thinkimg_rpc.errors import InvalidRequest

FIELDS: Mapping[str, str] = {
    "question": "text",
    "image": "the path of an image file, relative to this file",
    "images": "a list of such paths",
    "answer": "text, or a list of texts of which each is right",
    "id": "text; the number of the line if left out",
    "category": "text, by which results are told apart",
    "choices": "a list of texts, from A on",
    "tolerance": "a number, 0.05 for 5%",
    "max_image_pixels": "a whole number: the most pixels of an image that the policy is shown",
}


def jsonl(
    *,
    path: Path,
    scorer: str = "relaxed",
    prompt: str = "",
    judge: str | None = None,
    judge_url: str | None = None,
) -> Task:
    """Questions of your own, in a JSON-lines file (docs/benchmarks.md).

    Every line is read and checked at once, images excepted, which must only be there.
    `judge=openai:MODEL` (at `judge_url`) decides instead of a scorer.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else None
    if lines is None:
        raise InvalidRequest.field("task.path", f"there is no file {path}")
    rows = [_Line(path, number).read(text) for number, text in enumerate(lines, 1) if text.strip()]
    if not rows:
        raise InvalidRequest.field("task.path", f"{path} has no questions")
    _refuse_doubles(path, rows)
    return Task(
        name=path.stem,
        version="1",
        samples=LazySamples(rows, lambda _, row: _sample(row)),
        scorer=judge_of(judge, base_url=judge_url) if judge else scorer_named(scorer),
        prompt=prompt,
    )


def _sample(row: Mapping[str, Any]) -> Sample:
    truth, *accepted = row["answer"]
    return Sample(
        id=row["id"],
        question=row["question"],
        images=tuple(file.read_bytes() for file in row["images"]),
        truth=truth,
        accepted=tuple(accepted),
        category=row.get("category", ""),
        max_image_pixels=row.get("max_image_pixels"),
        details={name: row[name] for name in ("choices", "tolerance") if name in row},
    )


class _Line:
    """One line, with the words for what is wrong with it."""

    def __init__(self, path: Path, number: int) -> None:
        self._path = path
        self._number = number

    def read(self, text: str) -> dict[str, Any]:
        """Its fields, checked: `images` as files, `answer` as a list. Raises: InvalidRequest."""
        try:
            row = json.loads(text)
        except ValueError as error:
            raise self._wrong("", f"is no JSON: {error}") from error
        if not isinstance(row, dict):
            raise self._wrong("", "is no JSON object")
        for name in row:
            if name not in FIELDS:
                raise self._wrong(name, f"is no field; there are {', '.join(FIELDS)}")
        return {**row, **self._checked(row)}

    def _checked(self, row: dict[str, Any]) -> dict[str, Any]:
        self._want(row, "question", isinstance(row.get("question"), str) and row["question"])
        answer = row.get("answer")
        answers = answer if isinstance(answer, list) else [answer]
        self._want(
            row, "answer", bool(answers) and _texts(answers) and all(map(str.strip, answers))
        )
        for name in ("id", "category"):
            self._want(row, name, isinstance(row.get(name, ""), str))
        self._want(row, "choices", _texts(row.get("choices", [])))
        self._want(row, "tolerance", _at_least(row.get("tolerance", 0), 0, (int, float)))
        self._want(row, "max_image_pixels", _at_least(row.get("max_image_pixels", 1), 1, int))
        return {
            "answer": answers,
            "id": row.get("id") or str(self._number),
            "images": self._images(row),
        }

    def _images(self, row: dict[str, Any]) -> list[Path]:
        self._want(row, "image", isinstance(row.get("image", ""), str))
        self._want(row, "images", _texts(row.get("images", [])))
        named = [("image", row["image"])] if "image" in row else []
        named += [("images", one) for one in row.get("images", [])]
        if not named:
            raise self._wrong("image", "is missing")
        files = [(name, self._path.parent / one) for name, one in named]
        for name, file in files:
            if not file.is_file():
                raise self._wrong(name, f"there is no file {file}")
        return [file for _, file in files]

    def _want(self, row: dict[str, Any], name: str, fits: object) -> None:
        if not fits:
            problem = "" if name in row else "is missing; "
            raise self._wrong(name, f"{problem}write {FIELDS[name]}")

    def _wrong(self, name: str, problem: str) -> InvalidRequest:
        where = f"line {self._number}" + (f", {name}" if name else "")
        return InvalidRequest(f"{self._path}, {where}: {problem}")


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _at_least(value: object, least: int, kinds: Any) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool) and bool(value >= least)


def _refuse_doubles(path: Path, rows: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for row in rows:
        if row["id"] in seen:
            raise InvalidRequest.field(
                "task.path", f'{path} has two questions with id "{row["id"]}"'
            )
        seen.add(row["id"])
