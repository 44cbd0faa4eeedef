"""One line of a file of trajectories, and the sample that it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from thinkimg_agent.trajectory import Trajectory
from thinkimg_agent.trajectory_file import BadTrajectory, image_path, read_line
from thinkimg_train.bad_data import BadSample, LeftOut
from thinkimg_train.chat import chat_of
from thinkimg_train.data_config import DataSection
from thinkimg_train.rewriting import in_dialect
from thinkimg_train.samples import TrainingSample, check_record, sample_of


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


def line_of(place: Place) -> bytes:
    with place.file.open("rb") as lines:
        lines.seek(place.entry.offset)
        return lines.read(place.entry.nbytes)


def sample_in(line: bytes, place: Place, data: DataSection, model: str) -> TrainingSample:
    """Raises: BadTrajectory, BadSample."""
    return sample_of(
        chosen(line, data),
        chat_of(model),
        lambda digest: bytes_of(place.file, digest),
        source=place.source,
        max_pixels=data.max_pixels,
        tokens=data.tokens,
        learn_failures=data.learn_failures,
    )


def bytes_of(file: Path, digest: str) -> bytes | None:
    """Of an image that belongs to the file; None if it is not there."""
    path = image_path(file, digest)
    return None if path is None else path.read_bytes()


def chosen(line: bytes, data: DataSection) -> Trajectory:
    """The trajectory of a line, in the dialect it is trained on in.

    Raises: BadTrajectory; BadSample, where it is not chosen.
    """
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


def left_out_for(source: str, error: Exception) -> LeftOut:
    """What is said of an episode that ended in this error."""
    if isinstance(error, BadSample):
        return LeftOut(source, error.kind, str(error))
    if isinstance(error, BadTrajectory):
        return LeftOut(source, "broken line", str(error))
    return LeftOut(source, "failed", f"{type(error).__name__}: {error}")
