"""Recorded episodes as samples, read when they are asked for.

A file of trajectories is looked through once: where each line begins, how long its
sample is, and whether it can be trained on at all. So nothing is found out in the
middle of a run that can be found out before. What was found is kept beside the file,
for as long as the file, the model's tokens and the settings stay the same.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import torch

from thinkimg_agent.dialects import DIALECTS
from thinkimg_agent.trajectory import ImageRecord, Trajectory
from thinkimg_agent.trajectory_file import TRAJECTORIES, BadTrajectory, image_path, read_line
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.bad_data import BadSample, LeftOut, refuse, report
from thinkimg_train.chat import chat_of
from thinkimg_train.data_config import DataSection
from thinkimg_train.plan import Lengths
from thinkimg_train.rewriting import in_dialect
from thinkimg_train.samples import TrainingSample, check_record, sample_of

_FORMAT = 1
"""Raised when what is kept beside a file would be made otherwise."""

OnProgress = Callable[[Path, int, int], None]
"""Told of a file how many of its lines are looked through, and how many there are."""
_LINES_AT_ONCE = 8


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """What is known of one line."""

    line: int
    """Counted from 1."""
    offset: int
    nbytes: int
    id: str
    tokens: int = 0
    image_tokens: int = 0
    trained: int = 0
    kind: str = ""
    """Of the reason it is left out for; empty if it is not."""
    reason: str = ""


@dataclass(frozen=True)
class Place:
    """Where a sample is."""

    file: Path
    entry: Entry

    @property
    def source(self) -> str:
        named = f" ({self.entry.id})" if self.entry.id else ""
        return f"{self.file}, line {self.entry.line}{named}"


class EpisodeDataset:
    """The samples of some files for one model: `dataset[n]` makes the n-th.

    It can be sent to other processes, which open the model's processor themselves.
    """

    def __init__(
        self, data: DataSection, model: str, places: Sequence[Place], left_out: Sequence[LeftOut]
    ) -> None:
        self._data = data
        self._model = model
        self.places = list(places)
        self.left_out = list(left_out)
        """What cannot be trained on, or was not chosen."""
        entries = [place.entry for place in places]
        self.lengths = Lengths(
            np.array([entry.tokens for entry in entries], np.int64),
            np.array([entry.image_tokens for entry in entries], np.int64),
            np.array([entry.trained for entry in entries], np.int64),
        )

    @property
    def model(self) -> str:
        return self._model

    @property
    def fingerprint(self) -> str:
        """Equal where the samples are the same, in the same order."""
        entries = [place.entry for place in self.places]
        told = [(one.line, one.id, one.tokens, one.trained) for one in entries]
        return digest_of(msgspec.json.encode(told))

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> TrainingSample | LeftOut:
        """A sample; or why there is none after all, if its image has gone since, say."""
        place = self.places[number]
        try:
            line = _line(place.file, place.entry)
            return _sample(line, place.file, place.source, self._data, self._model)
        except Exception as error:  # a run of days does not end for one sample
            return _left_out(place.source, error)

    def trajectory(self, number: int) -> Trajectory:
        """The record of the n-th sample. Raises: BadTrajectory, BadSample."""
        place = self.places[number]
        return _chosen(_line(place.file, place.entry), self._data)

    def picture(self, number: int, image: ImageRecord) -> bytes:
        """The bytes of an image, as it was shown. Raises: BadSample."""
        data = _bytes_of(self.places[number].file, image.shown_digest)
        if data is None:
            raise BadSample("image missing", f"the image {image.name} is missing")
        return data


def open_dataset(
    data: DataSection, model: str, on_progress: OnProgress = lambda file, done, of: None
) -> EpisodeDataset:
    """Look through the files, and find what can be trained on.

    Raises: InvalidRequest, when nothing can, or when `data.bad` refuses what cannot.
    """
    places: list[Place] = []
    left_out: list[LeftOut] = []
    for file in _files(data):
        for entry in _entries(file, data, model, on_progress):
            place = Place(file, entry)
            if entry.kind:
                left_out.append(LeftOut(place.source, entry.kind, entry.reason))
            elif entry.tokens > data.max_tokens:
                words = f"{entry.tokens} tokens, and data.max_tokens is {data.max_tokens}"
                left_out.append(LeftOut(place.source, "too long", words))
            else:
                places.append(place)
    total = len(places) + len(left_out)
    if data.bad == "refuse":
        refuse(left_out, total)
    if not places:
        words = "\n".join(["there is nothing to train on", *report(left_out, total)])
        raise InvalidRequest.field("data.trajectories", words)
    return EpisodeDataset(data, model, places, left_out)


def _files(data: DataSection) -> list[Path]:
    files = [path / TRAJECTORIES if path.is_dir() else path for path in data.trajectories]
    if data.dialect and data.dialect not in DIALECTS:
        words = f"there is no such dialect; there are {', '.join(DIALECTS)}"
        raise InvalidRequest.field("data.dialect", words)
    for file in files:
        if not file.is_file():
            raise InvalidRequest.field("data.trajectories", f"there is no {file}")
    return files


def _entries(file: Path, data: DataSection, model: str, on_progress: OnProgress) -> list[Entry]:
    """What is known of a file's lines, from beside it or by looking."""
    key = _key(file, data, model)
    kept = file.with_name(f".{file.name}.{key[:16]}.index")
    if kept.is_file():
        known = msgspec.json.decode(kept.read_bytes(), type=list[Entry])
        entries = [_again(entry, file, data, model) for entry in known]
        if entries == known:
            return entries
    else:
        entries = list(_look_through(file, data, model, on_progress))
    if os.access(file.parent, os.W_OK):
        half = kept.with_name(f"{kept.name}.{os.getpid()}")
        half.write_bytes(msgspec.json.encode(entries))
        half.replace(kept)
    return entries


def _again(entry: Entry, file: Path, data: DataSection, model: str) -> Entry:
    """What was found wrong with a line may have been mended: an image put in its place."""
    if not LeftOut("", entry.kind, "").bad:
        return entry
    return _entry(file, data, model, Entry(entry.line, entry.offset, entry.nbytes, ""))


def _key(file: Path, data: DataSection, model: str) -> str:
    """Of all that an entry depends on, except that images may come and go."""
    with file.open("rb") as read:
        digest = hashlib.file_digest(read, "sha256").hexdigest()
    chat = chat_of(model).settings
    settings = (
        data.max_pixels,
        data.tokens,
        data.dialect,
        data.min_score,
        data.learn_failures,
    )
    return digest_of(msgspec.json.encode((_FORMAT, digest, chat, settings)))


def _look_through(
    file: Path, data: DataSection, model: str, on_progress: OnProgress
) -> Iterator[Entry]:
    lines = list(_lines(file))
    look = partial(_entry, file, data, model)
    with ExitStack() as stack:
        found: Iterator[Entry] = map(look, lines)
        if data.workers:
            spawn = multiprocessing.get_context("spawn")
            pool = ProcessPoolExecutor(data.workers, spawn, torch.set_num_threads, (1,))
            found = stack.enter_context(pool).map(look, lines, chunksize=_LINES_AT_ONCE)
        for done, entry in enumerate(found, 1):
            on_progress(file, done, len(lines))
            yield entry


def _lines(file: Path) -> Iterator[Entry]:
    offset = 0
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield Entry(number, offset, len(line), "")
            offset += len(line)


def _entry(file: Path, data: DataSection, model: str, unknown: Entry) -> Entry:
    """What is known of a line once it was looked at."""
    place, found = Place(file, unknown), unknown
    try:
        line = _line(file, unknown)
        found = msgspec.structs.replace(found, id=read_line(line).sample_id)
        sample = _sample(line, place.file, place.source, data, model)
    except Exception as error:  # whatever is wrong with one line, the others are looked at
        left_out = _left_out(place.source, error)
        return msgspec.structs.replace(found, kind=left_out.kind, reason=left_out.reason)
    return msgspec.structs.replace(
        found,
        tokens=len(sample),
        image_tokens=sample.image_tokens,
        trained=int(sample.trained[1:].sum()),
    )


def _line(file: Path, entry: Entry) -> bytes:
    with file.open("rb") as lines:
        lines.seek(entry.offset)
        return lines.read(entry.nbytes)


def _sample(line: bytes, file: Path, source: str, data: DataSection, model: str) -> TrainingSample:
    return sample_of(
        _chosen(line, data),
        chat_of(model),
        lambda digest: _bytes_of(file, digest),
        source=source,
        max_pixels=data.max_pixels,
        tokens=data.tokens,
        learn_failures=data.learn_failures,
    )


def _bytes_of(file: Path, digest: str) -> bytes | None:
    path = image_path(file, digest)
    return None if path is None else path.read_bytes()


def _chosen(line: bytes, data: DataSection) -> Trajectory:
    """The trajectory of a line, in the dialect it is trained on in."""
    trajectory = read_line(line)
    _check_chosen(trajectory, data)
    return in_dialect(trajectory, data.dialect) if data.dialect else trajectory


def _check_chosen(trajectory: Trajectory, data: DataSection) -> None:
    check_record(trajectory)
    if data.min_score is None:
        return
    if trajectory.score is None:
        raise BadSample("score", "it was not scored")
    if trajectory.score < data.min_score:
        raise BadSample("score", f"it scored {trajectory.score:g}")


def _left_out(source: str, error: Exception) -> LeftOut:
    if isinstance(error, BadSample):
        return LeftOut(source, error.kind, str(error))
    if isinstance(error, BadTrajectory):
        return LeftOut(source, "broken line", str(error))
    return LeftOut(source, "failed", f"{type(error).__name__}: {error}")
