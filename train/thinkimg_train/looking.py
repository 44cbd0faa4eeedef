"""Looking through a file of trajectories: once, and all of it, before a run begins.

So nothing is found out in the middle of a run that can be found out before. What was
found is kept beside the file, for as long as the file, the model's tokens and the
settings stay the same.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import msgspec
import torch

from thinkimg_agent.trajectory_file import read_line
from thinkimg_rpc.digest import digest_of
from thinkimg_train.bad_data import LeftOut
from thinkimg_train.chat import chat_of
from thinkimg_train.data_config import DataSection
from thinkimg_train.records import Entry, Place, left_out_for, line_of, sample_in

_FORMAT = 1
"""Raised when what is kept beside a file would be made otherwise."""
_LINES_AT_ONCE = 8

OnProgress = Callable[[Path, int, int], None]
"""Told of a file how many of its lines are looked through, and how many there are."""


def entries_of(file: Path, data: DataSection, model: str, on_progress: OnProgress) -> list[Entry]:
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
        line = line_of(place)
        found = msgspec.structs.replace(found, id=read_line(line).sample_id)
        sample = sample_in(line, place, data, model)
    except Exception as error:  # whatever is wrong with one line, the others are looked at
        left_out = left_out_for(place.source, error)
        return msgspec.structs.replace(found, kind=left_out.kind, reason=left_out.reason)
    return msgspec.structs.replace(
        found,
        tokens=len(sample),
        image_tokens=sample.image_tokens,
        trained=int(sample.trained[1:].sum()),
    )
