"""A collection's folder: every try is found in it again, whenever the run was broken off.

DIR/collect.json            where it comes from
DIR/attempts.jsonl          a line for each try, with all that speaks against it
DIR/trajectories.jsonl      what was accepted; in the task's order at the end
DIR/images/…                their images
DIR/rejected/…              the same for what was rejected, each with its reasons as `stop_detail`
DIR/card.json, DIR/card.md  the data card
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from thinkimg_agent.trajectory import Trajectory
from thinkimg_agent.trajectory_file import (
    TRAJECTORIES,
    TrajectoryWriter,
    image_path,
    read_trajectories,
)
from thinkimg_eval.run.folder import RunFolder, read_head, write_json, write_whole
from thinkimg_eval.run.origin import Origin, differences, gone_on_with
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.collect.checks import Reason
from thinkimg_train.collect.config import ChecksSection, TeacherSection

ORIGIN = "collect.json"
ATTEMPTS = "attempts.jsonl"
REJECTED = "rejected"


class CollectOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a collection comes from."""

    run: Origin
    method: str
    keep: int
    teacher: TeacherSection
    checks: ChecksSection
    tries: int
    retry_temperature: float


class Attempt(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One try at one question."""

    sample_index: int
    sample_id: str
    category: str = ""
    number: int
    """Which try of its question, counted from 0."""
    started_at: float
    """By which its trajectory is told from others of the question."""
    reasons: list[Reason] = []
    """Why it was rejected; empty: it was accepted."""
    key: str
    """The same for tries with the same question, images and calls."""
    slips: list[str] = []
    """What the teacher got wrong on purpose."""
    hopeless: bool = False
    """Another try would go alike."""

    @property
    def accepted(self) -> bool:
        return not self.reasons


class CollectFolder:
    """One collection on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def locked(self) -> AbstractContextManager[None]:
        """Keep other runs out. Raises: InvalidRequest, when one is writing here."""
        return RunFolder(self.path).locked()

    def begin(self, origin: CollectOrigin) -> CollectOrigin:
        """Say where it comes from, or go on with one of the same kind.

        Raises: InvalidRequest, when what is there is of another kind.
        """
        if (self.path / ORIGIN).exists():
            old = self.origin()
            found = differences(old.run, origin.run)
            found += [
                f"{name} was {getattr(old, name)} and is {getattr(origin, name)}"
                for name in ("method", "keep", "teacher", "checks", "retry_temperature")
                if getattr(old, name) != getattr(origin, name)
            ]
            if found:
                raise InvalidRequest(
                    f"{self.path} holds another collection: {'; '.join(found)}; "
                    "give another --out, or remove that folder"
                )
            origin = msgspec.structs.replace(origin, run=gone_on_with(old.run, origin.run))
        elif (self.path / TRAJECTORIES).exists():
            raise InvalidRequest(
                f"{self.path} holds trajectories of no collection; give another --out"
            )
        write_json(self.path / ORIGIN, origin)
        return origin

    def origin(self) -> CollectOrigin:
        """Where this collection comes from. Raises: InvalidRequest, when it is none."""
        return read_head(
            self.path / ORIGIN,
            CollectOrigin,
            f"{self.path} is no collection: it has no {ORIGIN}; `thinkimg collect` makes one",
        )

    def writer(self) -> CollectWriter:
        return CollectWriter(self.path)

    def attempts(self) -> dict[int, list[Attempt]]:
        """All tries by question, in the order they were made."""
        found: dict[int, list[Attempt]] = defaultdict(list)
        path = self.path / ATTEMPTS
        if path.exists():
            for attempt in _read_lines(path):
                found[attempt.sample_index].append(attempt)
        return dict(found)

    def put_in_order(self, want: int | None) -> list[Attempt]:
        """Files in the task's order, with no trajectory twice and `want` at most.

        Returns all tries, in that order too.
        """
        attempts = _judged_together(self.attempts(), want)
        by_place = {_place(one): one for one in attempts}
        self._reject_later(by_place)
        for folder in (self.path, self.path / REJECTED):
            accepted = folder == self.path
            found = {_place(one): one for one in _trajectories(folder)}
            ordered = [
                found[place]
                for place, attempt in by_place.items()
                if attempt.accepted == accepted and place in found
            ]
            if found:
                _write_lines(folder / TRAJECTORIES, ordered)
        _write_lines(self.path / ATTEMPTS, attempts)
        return attempts

    def _reject_later(self, by_place: dict[tuple[int, float], Attempt]) -> None:
        """Put aside what was accepted when it was made, and is rejected among all others."""
        kept = {_place(one) for one in _trajectories(self.path / REJECTED)}
        with TrajectoryWriter(self.path / REJECTED) as writer:
            for trajectory in _trajectories(self.path):
                place = _place(trajectory)
                attempt = by_place.get(place)
                if attempt is not None and not attempt.accepted and place not in kept:
                    trajectory.stop_detail = said_of(attempt.reasons)
                    trajectory.pictures = _pictures(self.path, trajectory)
                    writer.add(trajectory)


class CollectWriter:
    """Adds tries to a collection: the trajectory first, then the word on it."""

    def __init__(self, path: Path) -> None:
        self._accepted = TrajectoryWriter(path)
        self._rejected = TrajectoryWriter(path / REJECTED)
        attempts = path / ATTEMPTS
        if attempts.exists():
            _write_lines(attempts, list(_read_lines(attempts)))
        self._attempts = attempts.open("ab")

    def add(self, attempt: Attempt, trajectory: Trajectory) -> None:
        if attempt.accepted:
            self._accepted.add(trajectory)
        else:
            detail = said_of(attempt.reasons)
            self._rejected.add(msgspec.structs.replace(trajectory, stop_detail=detail))
        self._attempts.write(msgspec.json.encode(attempt) + b"\n")
        self._attempts.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._attempts.close()
        self._accepted.__exit__(kind, error, traceback)
        self._rejected.__exit__(kind, error, traceback)


def said_of(reasons: Sequence[Reason]) -> str:
    return "; ".join(map(str, reasons))


def _judged_together(attempts: dict[int, list[Attempt]], want: int | None) -> list[Attempt]:
    """All tries in order, those that repeat another question's rejected, and those beyond
    `want` left out."""
    first: dict[str, Attempt] = {}
    judged: list[Attempt] = []
    accepted = 0
    for index in sorted(attempts):
        if want is not None and accepted >= want:
            break
        for attempt in attempts[index]:
            if attempt.accepted and want is not None and accepted >= want:
                continue
            other = first.setdefault(attempt.key, attempt) if attempt.accepted else attempt
            if other is not attempt:
                attempt.reasons = [Reason("duplicate", f"of {other.sample_id}")]
            accepted += attempt.accepted
            judged.append(attempt)
    return judged


def _place(one: Attempt | Trajectory) -> tuple[int, float]:
    return one.sample_index or 0, one.started_at


def _trajectories(folder: Path) -> Iterator[Trajectory]:
    if (folder / TRAJECTORIES).exists():
        yield from read_trajectories(folder)


def _pictures(run: Path, trajectory: Trajectory) -> dict[str, bytes]:
    digests = {
        digest for image in trajectory.images for digest in (image.digest, image.shown_digest)
    }
    paths = {digest: image_path(run, digest) for digest in digests}
    return {digest: path.read_bytes() for digest, path in paths.items() if path is not None}


def _read_lines(path: Path) -> Iterator[Attempt]:
    """The tries in a file; a last one that was half written is passed over.

    Raises: InvalidRequest, at a line that is none.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield msgspec.json.decode(line, type=Attempt)
            except msgspec.DecodeError as error:
                if not line.endswith(b"\n"):
                    return
                raise InvalidRequest(f"{path}, line {number}: {error}") from error


def _write_lines(path: Path, lines: Sequence[Attempt | Trajectory]) -> None:
    """A file of JSON lines, whole or not at all."""
    write_whole(path, b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
