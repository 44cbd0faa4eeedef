"""Rows of a file, each with its place in words; what is wrong with them, counted and named."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from thinkimg_rpc.errors import InvalidRequest

OnBad = Literal["refuse", "skip"]


class BadRow(InvalidRequest):
    """A row that cannot be used; the message names file, row, field and remedy."""


@dataclass(frozen=True)
class Row:
    """One example of a file."""

    source: str
    """The file, for people."""
    folder: Path
    """What its paths are relative to."""
    number: int
    """Counted from 1: of a line where the file has one a line, else of the example."""
    unit: Literal["line", "row"]
    value: Mapping[str, Any] = field(hash=False)

    def bad(self, name: str, problem: str) -> BadRow:
        """What to raise at one of its fields."""
        return BadRow(f"{self.source}, {self.unit} {self.number}, {name}: {problem}")


@dataclass
class Tally:
    """What became of the rows of a file."""

    taken: int = 0
    mended: Counter[str] = field(default_factory=Counter)
    """Blemishes that were put right, by kind."""
    skipped: list[str] = field(default_factory=list)
    """What was wrong with each row that was left out."""

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"{self.taken} rows taken, {len(self.skipped)} left out"
        for kind, times in self.mended.most_common():
            yield f"  {times} times: {kind}"
        for problem in self.skipped:
            yield f"  left out: {problem}"


def refuse(bad: BadRow) -> None:
    """What is done about bad rows where nothing else is."""
    raise bad


def rows_of(path: Path, on_bad: Callable[[BadRow], None] = refuse) -> Iterator[Row]:
    """The rows of a .json, .jsonl or .parquet file, or of a folder with a saved dataset.

    `on_bad` is told of lines and rows that are no JSON objects, and decides whether the
    others are gone on with.

    Raises: BadRow, where a file as a whole is no JSON; InvalidRequest, when it is no such file.
    """
    if not path.exists():
        raise InvalidRequest(f"{path} is not there")
    if path.is_dir() or path.suffix == ".parquet":
        yield from _of_dataset(path)
    elif path.suffix == ".jsonl":
        yield from _of_lines(path, on_bad)
    elif path.suffix == ".json":
        yield from _of_list(path, on_bad)
    else:
        raise InvalidRequest(
            f"{path}: give a .json, .jsonl or .parquet file, or a folder that "
            "datasets.save_to_disk wrote"
        )


def _of_lines(path: Path, on_bad: Callable[[BadRow], None]) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    row = _row(path, number, "line", _parsed(path, f"line {number}", line))
                except BadRow as bad:
                    on_bad(bad)
                    continue
                yield row


def _of_list(path: Path, on_bad: Callable[[BadRow], None]) -> Iterator[Row]:
    listed = _parsed(path, "as a whole", path.read_bytes())
    if not isinstance(listed, list):
        raise BadRow(f"{path}: write a list of objects, [{{…}}, …]")
    for number, value in enumerate(listed, 1):
        try:
            row = _row(path, number, "row", value)
        except BadRow as bad:
            on_bad(bad)
            continue
        yield row


def _of_dataset(path: Path) -> Iterator[Row]:
    from datasets import Dataset, DatasetDict, Features, Image, List, load_from_disk

    if path.is_dir():
        try:
            found = load_from_disk(str(path))
        except FileNotFoundError as error:
            raise InvalidRequest(f"{path} holds no saved dataset: {error}") from error
        if isinstance(found, DatasetDict):
            raise InvalidRequest(f"{path} has splits: give one of {', '.join(found)} in it")
    else:
        # Read once, so that no copy of it is kept among those of the hub.
        with tempfile.TemporaryDirectory() as cache:
            found = Dataset.from_parquet(str(path), cache_dir=cache, keep_in_memory=True)
    # Images stay encoded: nobody decodes and encodes them on the way.
    undecoded = {
        name: List(Image(decode=False))
        if isinstance(kind, List) and isinstance(kind.feature, Image)
        else Image(decode=False)
        if isinstance(kind, Image)
        else kind
        for name, kind in found.features.items()
    }
    for number, value in enumerate(found.cast(Features(undecoded)), 1):
        yield _row(path, number, "row", value)


def _parsed(path: Path, where: str, text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadRow(f"{path}, {where}: is no JSON: {error}") from error


def _row(path: Path, number: int, unit: Literal["line", "row"], value: Any) -> Row:
    if not isinstance(value, dict):
        raise BadRow(f"{path}, {unit} {number}: write an object, {{…}}")
    folder = path if path.is_dir() else path.parent
    return Row(str(path), folder, number, unit, value)
