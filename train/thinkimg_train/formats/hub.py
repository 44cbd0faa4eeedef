"""Hugging Face datasets: a run's trajectories as a table with images, and back, without loss.

id, truth, category, score   of the question
messages                     {"role", "content"} of each; <image> where an image stands
images                       in that order, as the policy saw them
trajectory                   all of it, as JSON: what the way back takes
originals                    images as the tools saw them, where that is not the same
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from thinkimg_agent.trajectory import Trajectory
from thinkimg_agent.trajectory_file import BadTrajectory, read_line
from thinkimg_rpc.digest import digest_of
from thinkimg_train.formats.chat import Chat
from thinkimg_train.formats.pictures import picture_of
from thinkimg_train.formats.rows import Row
from thinkimg_train.formats.sharegpt import columns_of

FILE = "train.parquet"


def write_dataset(chats: Iterable[tuple[Trajectory, Chat]], out: Path) -> int:
    """DIR/train.parquet, which `datasets.load_dataset(DIR)` reads. Returns how many rows."""
    from datasets import Dataset, Features, Image, List, Value

    text = Value("string")
    features = Features(
        {
            "id": text,
            "truth": text,
            "category": text,
            "score": Value("float64"),
            "dialect": text,
            "coordinates": text,
            "messages": List({"role": text, "content": text}),
            "images": List(Image()),
            "originals": List(Image()),
            "trajectory": text,
        }
    )
    out.mkdir(parents=True, exist_ok=True)
    rows = list(_rows(chats))
    Dataset.from_list(rows, features=features).to_parquet(str(out / FILE))
    return len(rows)


def read_trajectory(row: Row) -> Trajectory:
    """An episode that `write_dataset` has written. Raises: BadRow."""
    try:
        trajectory = read_line(str(row.value["trajectory"]).encode())
    except BadTrajectory as error:
        raise row.bad("trajectory", str(error)) from error
    for name in ("images", "originals"):
        for at, value in enumerate(row.value.get(name) or ()):
            data = picture_of(row, f"{name}[{at}]", value, ())
            trajectory.pictures[digest_of(data)] = data
    missing = {image.shown_digest for image in trajectory.images} - trajectory.pictures.keys()
    if missing:
        raise row.bad("images", f"{len(missing)} of the episode's images are missing or changed")
    return trajectory


def _rows(chats: Iterable[tuple[Trajectory, Chat]]) -> Iterator[dict[str, Any]]:
    for trajectory, chat in chats:
        shown = {digest_of(image) for image in chat.images}
        others = {
            image.digest: trajectory.pictures[image.digest]
            for image in trajectory.images
            if image.digest not in shown and image.digest in trajectory.pictures
        }
        bare = msgspec.structs.replace(trajectory, pictures={})
        yield {
            **columns_of(trajectory),
            "messages": [
                {"role": message.role, "content": message.text} for message in chat.messages
            ],
            "images": [{"bytes": image, "path": None} for image in chat.images],
            "originals": [{"bytes": image, "path": None} for image in others.values()],
            "trajectory": msgspec.json.encode(bare).decode(),
        }
