"""Where a benchmark's rows come from: files of one's own, or the hub."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thinkimg_rpc.errors import InvalidRequest

if TYPE_CHECKING:
    from datasets import Dataset

Row = Mapping[str, Any]
HUB_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Source:
    """A benchmark that can be had from the hub, and how it may lie on disk."""

    repository: str
    """Of the hub, a dataset."""
    layout: str
    """What to put under the task's `path`, for people: "the folder with …"."""

    def hub_rows(self, split: str) -> Sequence[Row]:
        """Rows of the hub, or of its cache on this machine; images stay encoded.

        Raises: InvalidRequest, when neither has them.
        """
        from datasets import load_dataset
        from datasets.exceptions import DatasetNotFoundError

        try:
            with _told_if_offline(self.repository):
                rows: Sequence[Row] = _encoded(load_dataset(self.repository, split=split))
                return rows
        except (OSError, DatasetNotFoundError, ValueError) as error:
            raise self.missing(f"split {split} of {self.repository} is not to be had") from error

    def parquet_rows(self, folder: Path, split: str) -> Sequence[Row] | None:
        """Rows of the split's parquet files anywhere in a folder, as the hub's snapshots
        have them; None if there are none."""
        files = sorted(str(file) for file in folder.rglob(f"{split}*.parquet"))
        if not files:
            return None
        from datasets import load_dataset

        rows: Sequence[Row] = _encoded(load_dataset("parquet", data_files=files, split="train"))
        return rows

    def missing(self, problem: str) -> InvalidRequest:
        """The one line that says what to do."""
        told = InvalidRequest.field(
            "task.path", f"{problem}; download {self._url} and give {self.layout}"
        )
        assert isinstance(told, InvalidRequest)
        return told

    @property
    def _url(self) -> str:
        return f"https://huggingface.co/datasets/{self.repository}"


def json_rows(file: Path) -> list[Any]:
    """The list in a JSON file. Raises: InvalidRequest."""
    rows = json_document(file)
    if not isinstance(rows, list):
        raise InvalidRequest.field("task.path", f"{file} holds no list")
    return rows


def json_document(file: Path) -> Any:
    """Raises: InvalidRequest, when it cannot be read."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidRequest.field("task.path", f"{file} cannot be read: {error}") from error


@contextmanager
def _told_if_offline(repository: str) -> Iterator[None]:
    """Where the hub does not answer, the library is told so at once: it would try each
    file for half a minute before it looked into its cache."""
    import datasets
    from huggingface_hub import HfApi, constants, errors

    settings = [(constants, "HF_HUB_OFFLINE"), (datasets.config, "HF_HUB_OFFLINE")]
    before = [getattr(module, name) for module, name in settings]
    try:
        HfApi().dataset_info(repository, timeout=HUB_TIMEOUT_S)
    # Its HTTP library's, and with its release another library.
    except (OSError, errors.HTTPError):  # type: ignore[attr-defined]
        for module, name in settings:
            setattr(module, name, True)
    try:
        yield
    finally:
        for (module, name), value in zip(settings, before, strict=True):
            setattr(module, name, value)


def _encoded(rows: Dataset) -> Dataset:
    """With the bytes of images, not their pixels."""
    from datasets import Image

    for name, kind in rows.features.items():
        if isinstance(kind, Image):
            rows = rows.cast_column(name, Image(decode=False))
    return rows
