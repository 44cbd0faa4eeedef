"""The encoded images that rows speak of."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from thinkimg_rpc.errors import InvalidRequest


def encoded(image: Any) -> bytes:
    """Of a cell of a hub's table: bytes, or bytes with a name, or the name of a file."""
    if isinstance(image, bytes):
        return image
    if isinstance(image, dict) and image.get("bytes"):
        return bytes(image["bytes"])
    return Path(image["path"] if isinstance(image, dict) else image).read_bytes()


def find_image(named: str, folder: Path) -> Path:
    """The file that a row names, which may say where it lay on its author's machine.

    As it stands, if that is here; else under `folder` or its `images`, by as much of
    the end of its path as fits. Raises: InvalidRequest.
    """
    parts = PurePosixPath(named.replace("\\", "/")).parts
    tails = [Path(*parts[start:]) for start in range(len(parts))]
    places = [Path(named), *(root / tail for tail in tails for root in (folder, folder / "images"))]
    for place in places:
        if place.is_file():
            return place
    raise InvalidRequest.field("task.path", f"there is no image {named} in {folder}")
