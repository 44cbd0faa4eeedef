"""A run's folder: what is done is found in it again, whenever the run was broken off.

DIR/run.json            where the results come from
DIR/trajectories.jsonl  every episode, added as it ends; put in the task's order at the end
DIR/images/…            their images
DIR/results.json        an entry for each question, in the task's order
DIR/summary.json        accuracy and the rest
DIR/report.html         the same, to look at
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from thinkimg_agent.trajectory import StopReason, Trajectory
from thinkimg_agent.trajectory_file import TRAJECTORIES, TrajectoryWriter, read_line
from thinkimg_eval.run.origin import Origin, differences, gone_on_with
from thinkimg_rpc.errors import InvalidRequest

T = TypeVar("T")
RUN = "run.json"


class _Line(msgspec.Struct, kw_only=True):
    """What of a trajectory says whether its question is done."""

    sample_index: int
    stop: StopReason
    answer: str | None = None
    score: float | None = None
    started_at: float = 0.0


@dataclass(frozen=True)
class Done:
    """The last word on a question, and where it stands."""

    index: int
    aborted: bool
    score: float
    started_at: float
    file: Path
    start: int
    length: int


class RunFolder:
    """One run on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out. Raises: InvalidRequest, when one is writing here."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InvalidRequest(
                    f"another run is writing into {self.path}; wait for it, or give another --out"
                ) from error
            yield

    def begin(self, origin: Origin) -> Origin:
        """Say where the results come from, or go on with a run of the same kind.

        Raises: InvalidRequest, when what is there is of another kind.
        """
        path = self.path / RUN
        if path.exists():
            old = self.origin()
            if found := differences(old, origin):
                raise InvalidRequest(
                    f"{self.path} holds another run: {'; '.join(found)}; give another --out, "
                    "or remove that folder"
                )
            origin = gone_on_with(old, origin)
        elif (self.path / TRAJECTORIES).exists():
            raise InvalidRequest(
                f"{self.path} holds trajectories of no evaluation; give another --out"
            )
        write_json(path, origin)
        return origin

    def origin(self) -> Origin:
        """Where this run's results come from. Raises: InvalidRequest, when it is no run."""
        return read_head(
            self.path / RUN,
            Origin,
            f"{self.path} is no run's folder: it has no {RUN}; `thinkimg eval run` makes one",
        )

    def writer(self, rank: int = 0) -> TrajectoryWriter:
        """Adds the episodes of one of the processes that share a run."""
        return TrajectoryWriter(self.path, _file_of(rank))

    def done(self) -> dict[int, Done]:
        """The questions that have an episode; what was broken off gives way to what was not."""
        found: dict[int, Done] = {}
        for file in self._files():
            for one in _lines(file):
                other = found.get(one.index)
                if other is None or _weight(one) >= _weight(other):
                    found[one.index] = one
        return found

    def put_in_order(self) -> None:
        """One file of trajectories, one line a question, in the task's order."""
        done = self.done()
        target = self.path / TRAJECTORIES
        half = self.path / f".{TRAJECTORIES}.new"
        with half.open("wb") as out:
            for index in sorted(done):
                out.write(_bytes_of(done[index]).rstrip(b"\n") + b"\n")
        half.replace(target)
        for file in self._files():
            if file != target:
                file.unlink()

    def trajectories(self) -> Iterator[Trajectory]:
        """The last episode of each question, in the task's order, without images' bytes."""
        done = self.done()
        for index in sorted(done):
            yield read_line(_bytes_of(done[index]))

    def _files(self) -> list[Path]:
        stem, suffix = TRAJECTORIES.split(".")
        first = self.path / TRAJECTORIES
        others = sorted(self.path.glob(f"{stem}.rank*.{suffix}"))
        return [file for file in (first, *others) if file.exists()]


def read_head(path: Path, kind: type[T], missing: str) -> T:
    """What a folder's first file says. Raises: InvalidRequest, with `missing` if there is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise InvalidRequest(missing) from error
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"{path} is of another version or broken: {error}") from error


def write_json(path: Path, value: Any) -> None:
    """A JSON file, whole or not at all."""
    text = msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2)
    write_whole(path, text + b"\n")


def write_whole(path: Path, data: bytes) -> None:
    """A file, whole or not at all."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_bytes(data)
    half.replace(path)


def _file_of(rank: int) -> str:
    stem, suffix = TRAJECTORIES.split(".")
    return TRAJECTORIES if rank == 0 else f"{stem}.rank{rank}.{suffix}"


def _lines(file: Path) -> Iterator[Done]:
    """Raises: InvalidRequest, at a line that is no trajectory of a task."""
    decoder = msgspec.json.Decoder(_Line)
    start = 0
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                found = decoder.decode(line)
            except msgspec.DecodeError as error:
                if not line.endswith(b"\n"):
                    return
                raise InvalidRequest(f"{file}, line {number}: {error}") from error
            yield Done(
                index=found.sample_index,
                aborted=found.stop is StopReason.ABORTED,
                score=found.score or 0.0,
                started_at=found.started_at,
                file=file,
                start=start,
                length=len(line),
            )
            start += len(line)


def _bytes_of(one: Done) -> bytes:
    with one.file.open("rb") as file:
        file.seek(one.start)
        return file.read(one.length)


def _weight(one: Done) -> tuple[bool, float]:
    return not one.aborted, one.started_at
