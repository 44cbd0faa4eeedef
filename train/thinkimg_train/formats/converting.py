"""From a file of another project to a run's folder, and back."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from thinkimg_train.formats.answers import answer_only
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
    image_folders: Sequence[Path] = (),
    query_key: str = "question",
    on_bad: OnBad = "refuse",
) -> Tally:
    """Make a run's folder of a file; of questions for RL, a file for the task `jsonl`.

    `image_folders`: where paths are looked for beside the file's own folder.

    Raises: BadRow, at the first that cannot be used, unless `on_bad` is "skip"; and
    InvalidRequest.
    """
    tally = Tally()
    bad = _Bad(tally, on_bad)
    with _whole_or_not_at_all(out) as folder:
        _import(kind, source, folder, image_folders, query_key, tally, bad)
    return tally


def _import(
    kind: Format,
    source: Path,
    out: Path,
    image_folders: Sequence[Path],
    query_key: str,
    tally: Tally,
    bad: _Bad,
) -> None:
    if kind == "openthinkimg-rl":
        lines: list[dict[str, Any]] = []
        for row in rows_of(source, bad.told):
            with bad:
                lines.append(
                    openthinkimg.read_question(row, out, query_key, image_folders, tally.mended)
                )
                tally.taken += 1
        openthinkimg.write_questions(lines, out)
        return
    with TrajectoryWriter(out) as writer:
        for row in rows_of(source, bad.told):
            with bad:
                writer.add(_episode(kind, row, image_folders, tally.mended))
                tally.taken += 1


def export_run(
    kind: Format, run: Path, out: Path, *, dialect: str = "", query_key: str = "question"
) -> Tally:
    """Write a run's trajectories in another format; `run` may be questions of `jsonl` for RL.

    Raises: InvalidRequest.
    """
    tally = Tally()
    with _whole_or_not_at_all(out) as folder:
        if kind == "openthinkimg-rl":
            try:
                tally.taken = openthinkimg.write_rl(_samples(run), folder, query_key)
            except ValueError as error:
                raise InvalidRequest(f"{run}: {error}") from error
            return tally
        chats = _chats(run, "openthinkimg" if kind == "openthinkimg" else dialect, tally)
        if kind == "openthinkimg":
            tally.taken = openthinkimg.write_conversations(chats, folder, tally.mended)
        elif kind == "sharegpt":
            tally.taken = sharegpt.write_chats(chats, folder)
        else:
            tally.taken = hub.write_dataset(chats, folder)
    return tally


def write_answers(run: Path, out: Path) -> Tally:
    """A run's questions with their right answers at once, and no tools. Raises: InvalidRequest."""
    tally = Tally()
    with _whole_or_not_at_all(out) as folder, TrajectoryWriter(folder) as writer:
        for trajectory in episodes_with_pictures(run):
            writer.add(answer_only(trajectory))
            tally.taken += 1
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


@contextmanager
def _whole_or_not_at_all(out: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `out` once all is in it.

    Raises: InvalidRequest, when there is something in `out`.
    """
    if out.exists() and any(out.iterdir()):
        raise InvalidRequest(f"{out} is not empty; give another --out")
    half = out.with_name(f".{out.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    try:
        yield half
        half.replace(out)
    finally:
        shutil.rmtree(half, ignore_errors=True)


class _Bad:
    """Counts bad rows, or lets them through."""

    def __init__(self, tally: Tally, on_bad: OnBad) -> None:
        self._tally = tally
        self._on_bad = on_bad

    def told(self, bad: BadRow) -> None:
        """Raises: BadRow, the same, where rows are not to be left out."""
        if self._on_bad == "refuse":
            raise bad
        self._tally.skipped.append(str(bad))

    def __enter__(self) -> None:
        """Nothing has gone wrong yet."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if not isinstance(error, BadRow) or self._on_bad == "refuse":
            return False
        self.told(error)
        return True
