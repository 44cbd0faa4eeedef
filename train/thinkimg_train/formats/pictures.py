"""Images as other formats name them: paths, data URLs, bytes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thinkimg_agent.trajectory import ImageRecord
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.imaging.codec import InvalidImage, decode
from thinkimg_train.formats.rows import Row

MAX_PIXELS = 1 << 26
_SUFFIXES = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"RIFF": ".webp", b"GIF8": ".gif"}


def pictures_of(row: Row, name: str, roots: Sequence[Path]) -> list[bytes]:
    """The images that a field lists, encoded. Raises: BadRow."""
    listed = row.value.get(name)
    if listed is None:
        return []
    if not isinstance(listed, list):
        listed = [listed]
    return [picture_of(row, f"{name}[{at}]", one, roots) for at, one in enumerate(listed)]


def picture_of(row: Row, name: str, value: Any, roots: Sequence[Path]) -> bytes:
    """One image: a path, a data URL, or {"bytes": …, "path": …}. Raises: BadRow."""
    if isinstance(value, dict) and isinstance(value.get("bytes"), bytes):
        return _checked(row, name, value["bytes"])
    path = value.get("path") if isinstance(value, dict) else value
    if not isinstance(path, str) or not path:
        raise row.bad(name, "write the path of an image file, relative to this file")
    if path.startswith("data:"):
        try:
            return _checked(row, name, base64.b64decode(path.partition(",")[2], validate=True))
        except binascii.Error as error:
            raise row.bad(name, f"is no data URL in base64: {error}") from error
    for root in (row.folder, *roots):
        # A path of another machine may still end as one does here.
        for place in (root / path, root / Path(path).name):
            if place.is_file():
                return _checked(row, name, place.read_bytes())
    raise row.bad(name, f"there is no file {path}; say where images are with --images FOLDER")


def size_of(data: bytes) -> tuple[int, int]:
    """(width, height). Raises: InvalidImage."""
    height, width = decode(data, max_pixels=MAX_PIXELS).shape[:2]
    return width, height


def record_of(data: bytes, name: str, *, turn: int = -1, call: int = -1) -> ImageRecord:
    """An image that is seen as it is. Raises: InvalidImage."""
    width, height = size_of(data)
    digest = digest_of(data)
    return ImageRecord(
        name=name,
        digest=digest,
        width=width,
        height=height,
        shown_digest=digest,
        shown_width=width,
        shown_height=height,
        turn=turn,
        call=call,
    )


def kept_picture(folder: Path, data: bytes) -> str:
    """The path, relative to `folder`, under which an image is kept there."""
    suffix = next((s for magic, s in _SUFFIXES.items() if data.startswith(magic)), ".image")
    name = f"images/{digest_of(data)}{suffix}"
    path = folder / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return name


def _checked(row: Row, name: str, data: bytes) -> bytes:
    try:
        size_of(data)
    except InvalidImage as error:
        raise row.bad(name, f"is no image: {error}") from error
    return data
