"""A tool's answer, for people: its text, its images as files, the rest as `name: value`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from thinkimg_rpc.v1 import ResultImage

_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg"}
_WORD = re.compile(r"[A-Z]+[0-9]*(?![a-z])|[A-Z]?[a-z0-9]+")
_RESULT_IMAGE = ResultImage.DESCRIPTOR.full_name


def result_images(message: Message) -> Iterator[tuple[str, Any]]:
    """The `ResultImage`s in a response, with their field's name ("image", "crops[0].image")."""
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        items = enumerate(value) if field.is_repeated else [(None, value)]
        for index, item in items:
            name = field.name if index is None else f"{field.name}[{index}]"
            if field.message_type.full_name == _RESULT_IMAGE:
                yield name, item
            else:
                yield from ((f"{name}.{inner}", image) for inner, image in result_images(item))


def save_images(images: list[tuple[str, Any]], tool: str, folder: Path) -> dict[str, Path]:
    """Write images into `folder` as crop-1.png, crop-2.png, …; the path of each by its field.

    "DrawHorizontalLineByY" gives draw-horizontal-line-by-y-1.png.

    A file that is there already is kept: numbering goes on after it.

    Raises: typer.BadParameter, when the folder cannot be written.
    """
    stem = "-".join(_WORD.findall(tool)).lower()
    saved: dict[str, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, image in images:
            saved[name] = _write(image, folder, stem)
    except OSError as error:
        raise typer.BadParameter(
            f"cannot write into {folder}: {error.strerror}", param_hint="--save"
        ) from error
    return saved


def describe(response: Message, as_json: dict[str, Any], saved: dict[str, Path]) -> Iterator[str]:
    """The lines that a person reads. `as_json` is the response without image bytes."""
    for field in response.DESCRIPTOR.fields:
        value = as_json.get(field.name)
        kind: Any = field.message_type
        if kind is not None and kind.full_name == _RESULT_IMAGE:
            continue
        if field.is_repeated and kind is not None and _has_text(kind):
            yield from (item["text"] for item in value or ())
        elif value not in (None, [], "", {}):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{field.name}: {text}"
    for name, image in result_images(response):
        place = f", saved as {saved[name]}" if name in saved else "; --save DIR keeps it"
        yield f"{name}: {image.width} x {image.height} {image.media_type}{place}"


def _has_text(message: Descriptor) -> bool:
    field = message.fields_by_name.get("text")
    return field is not None and field.type == field.TYPE_STRING and not field.is_repeated


def _write(image: Any, folder: Path, stem: str) -> Path:
    suffix = _SUFFIXES.get(image.media_type, "")
    number = 1
    while True:
        path = folder / f"{stem}-{number}{suffix}"
        try:
            with path.open("xb") as file:
                file.write(image.data)
        except FileExistsError:
            number += 1
        else:
            return path
