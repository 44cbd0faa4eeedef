"""Trajectories on disk: a line of JSON each, and a folder of images named by their digests.

RUN/trajectories.jsonl
RUN/images/3f/3fa9….png
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from thinkimg_agent.trajectory import FORMAT, Trajectory
from thinkimg_rpc.errors import InvalidRequest

TRAJECTORIES = "trajectories.jsonl"
IMAGES = "images"

_SUFFIXES = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"RIFF": ".webp", b"GIF8": ".gif"}


class BadTrajectory(InvalidRequest):
    """A line that is no trajectory; the message names the file, the line and the field."""


class TrajectoryWriter:
    """Adds trajectories to a run's folder, each whole and on disk before the next.

    Threads may share one: `await asyncio.to_thread(writer.add, trajectory)` writes while
    other episodes go on. Processes that add to one run at once need a file each, and
    share its images.
    """

    def __init__(self, run: Path, file: str = TRAJECTORIES) -> None:
        self._run = run
        run.mkdir(parents=True, exist_ok=True)
        path = run / file
        _drop_half_line(path)
        self._file = path.open("ab")
        self._lock = threading.Lock()

    def add(self, trajectory: Trajectory) -> None:
        """Write one down, its images first."""
        line = msgspec.json.encode(msgspec.structs.replace(trajectory, pictures={})) + b"\n"
        with self._lock:
            for digest, data in trajectory.pictures.items():
                _keep_image(self._run, digest, data)
            self._file.write(line)
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()


def read_trajectories(run: Path) -> Iterator[Trajectory]:
    """The trajectories of a run's folder, or of a file in it, without the images' bytes.

    A last line that was only half written when a run was killed is passed over.

    Raises: BadTrajectory, at a line that is none; FileNotFoundError.
    """
    path = run / TRAJECTORIES if run.is_dir() else run
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield read_line(line)
            except BadTrajectory as error:
                if not line.endswith(b"\n"):
                    return
                raise BadTrajectory(f"{path}, line {number}: {error}") from error


def read_line(line: bytes) -> Trajectory:
    """A trajectory from its line, also one of an older format. Raises: BadTrajectory."""
    try:
        record = json.loads(line)
    except ValueError as error:
        raise BadTrajectory(f"not JSON: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get("format"), int):
        raise BadTrajectory('no object with a "format"')
    if not 1 <= record["format"] <= FORMAT:
        raise BadTrajectory(
            f"format {record['format']} is not one this version reads (1 to {FORMAT}); "
            "update thinkimg-rpc"
        )
    for old in range(record["format"], FORMAT):
        record = _UPGRADES[old](record)
    try:
        return msgspec.convert(record, Trajectory)
    except msgspec.ValidationError as error:
        raise BadTrajectory(str(error)) from error


def image_path(run: Path, digest: str) -> Path | None:
    """Where the bytes of an image are kept; None if they are not."""
    folder = run if run.is_dir() else run.parent
    return next((folder / IMAGES / digest[:2]).glob(f"{digest}.*"), None)


def _keep_image(run: Path, digest: str, data: bytes) -> None:
    suffix = next((s for magic, s in _SUFFIXES.items() if data.startswith(magic)), ".image")
    path = run / IMAGES / digest[:2] / f"{digest}{suffix}"
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all, also when several processes write into one folder.
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_bytes(data)
    half.replace(path)


def _drop_half_line(path: Path) -> None:
    """What a killed run left behind its last whole line would spoil the next one."""
    if not path.exists():
        return
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.truncate(path, whole)


def _from_1(record: dict[str, Any]) -> dict[str, Any]:
    """Format 1 had a flag for each token."""
    flags = record.pop("sampled", None)
    spans: list[tuple[int, int]] = []
    for position, sampled in enumerate(flags or ()):
        if sampled and spans and spans[-1][1] == position:
            spans[-1] = (spans[-1][0], position + 1)
        elif sampled:
            spans.append((position, position + 1))
    return record | {"format": 2} | ({} if flags is None else {"sampled": spans})


_UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
