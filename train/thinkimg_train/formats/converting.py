"""From a file of another project to a run's folder, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import Trajectory
from thinkimg_agent.trajectory_file import (
    TRAJECTORIES,
    TrajectoryWriter,
    image_path,
    read_trajectories,
)
from thinkimg_eval.benchmarks.jsonl import jsonl
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.bad_data import BadSample
from thinkimg_train.formats import hub, openthinkimg, sharegpt
from thinkimg_train.formats.chat import Chat, with_images_in_place
from thinkimg_train.formats.episodes import chat_of, episode_of
from thinkimg_train.formats.rows import BadRow, OnBad, Row, Tally, rows_of
from thinkimg_train.rewriting import in_dialect

Format = Literal["openthinkimg", "sharegpt", "datasets", "openthinkimg-rl"]


def import_rows(
    kind: Format,
    source: Path,
    out: Path,
    *,
    images: Sequence[Path] = (),
    query_key: str = "question",
    on_bad: OnBad = "refuse",
) -> Tally:
    """Make a run's folder of a file; of questions for RL, a file for the task `jsonl`.

    `images`: where paths are looked for beside the file's own folder.

    Raises: BadRow, at the first that cannot be used, unless `on_bad` is "skip"; and
    InvalidRequest.
    """
    _refuse_full(out)
    tally = Tally()
    if kind == "openthinkimg-rl":
        lines: list[dict[str, Any]] = []
        for row in rows_of(source):
            with _Bad(tally, on_bad):
                lines.append(openthinkimg.read_question(row, out, query_key, images, tally.mended))
                tally.taken += 1
        out.mkdir(parents=True, exist_ok=True)
        openthinkimg.write_questions(lines, out)
        return tally
    with TrajectoryWriter(out) as writer:
        for row in rows_of(source):
            with _Bad(tally, on_bad):
                writer.add(_episode(kind, row, images, tally.mended))
                tally.taken += 1
    return tally


def export_run(
    kind: Format, run: Path, out: Path, *, dialect: str = "", query_key: str = "question"
) -> Tally:
    """Write a run's trajectories in another format; `run` may be questions of `jsonl` for RL.

    Raises: InvalidRequest.
    """
    _refuse_full(out)
    tally = Tally()
    if kind == "openthinkimg-rl":
        try:
            tally.taken = openthinkimg.write_rl(_samples(run), out, query_key)
        except ValueError as error:
            raise InvalidRequest(f"{run}: {error}") from error
        return tally
    chats = _chats(run, "openthinkimg" if kind == "openthinkimg" else dialect, tally)
    if kind == "openthinkimg":
        tally.taken = openthinkimg.write_conversations(chats, out, tally.mended)
    elif kind == "sharegpt":
        tally.taken = sharegpt.write_chats(chats, out)
    else:
        tally.taken = hub.write_dataset(chats, out)
    return tally


def episodes_with_pictures(run: Path) -> Iterator[Trajectory]:
    """The trajectories of a run with the bytes of their images, as far as these are there."""
    for trajectory in read_trajectories(run):
        for image in trajectory.images:
            for digest in (image.digest, image.shown_digest):
                path = image_path(run, digest)
                if path is not None and digest not in trajectory.pictures:
                    trajectory.pictures[digest] = path.read_bytes()
        yield trajectory


def _episode(kind: Format, row: Row, images: Sequence[Path], mended: Counter[str]) -> Trajectory:
    if kind == "datasets" and row.value.get("trajectory"):
        return hub.read_trajectory(row)
    chat = with_images_in_place(sharegpt.read_chat(row, images), mended)
    if kind == "openthinkimg":
        return openthinkimg.read_episode(row, chat, mended)
    return episode_of(row, chat, None, kind)


def _chats(run: Path, dialect: str, tally: Tally) -> Iterator[tuple[Trajectory, Chat]]:
    """Those that can be written; the others are named."""
    for number, trajectory in enumerate(episodes_with_pictures(run), 1):
        try:
            if dialect:
                trajectory = in_dialect(trajectory, dialect)
            yield trajectory, chat_of(trajectory, trajectory.pictures, tally.mended)
        except BadSample as problem:
            tally.skipped.append(f"{run}, line {number}: {problem}")


def _samples(run: Path) -> Iterator[Sample]:
    if run.suffix == ".jsonl" and run.name != TRAJECTORIES:
        yield from jsonl(path=run).samples
        return
    for trajectory in episodes_with_pictures(run):
        first = [image for image in trajectory.images if image.turn < 0]
        yield Sample(
            trajectory.sample_id,
            trajectory.question,
            tuple(trajectory.pictures[image.digest] for image in first),
            trajectory.truth,
        )


def _refuse_full(out: Path) -> None:
    if out.exists() and any(out.iterdir()):
        raise InvalidRequest(f"{out} is not empty; give another --out")


class _Bad:
    """Counts a bad row, or lets it through."""

    def __init__(self, tally: Tally, on_bad: OnBad) -> None:
        self._tally = tally
        self._on_bad = on_bad

    def __enter__(self) -> None:
        """Nothing has gone wrong yet."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if not isinstance(error, BadRow) or self._on_bad == "refuse":
            return False
        self._tally.skipped.append(str(error))
        return True
