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

from thinkimg_rpc.v1 import Mask, Provenance, ResultImage

_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg"}
_WORD = re.compile(r"[A-Z]+[0-9]*(?![a-z])|[A-Z]?[a-z0-9]+")
_RESULT_IMAGE = ResultImage.DESCRIPTOR.full_name
_PROVENANCE = Provenance.DESCRIPTOR.full_name
_MASK_FIELDS = {field.name for field in Mask.DESCRIPTOR.fields}
_IMAGE_FIELDS = {field.name for field in ResultImage.DESCRIPTOR.fields} - {"data"}
_DECIMALS = 2


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
    """The lines that a person reads. `as_json` is the response without image bytes.

    Text that was read stands by itself; other lists have a line for each item, as
    JSON, so that a box or a point can be copied into the arguments of the next call.
    """
    for field in response.DESCRIPTOR.fields:
        value = as_json.get(field.name)
        kind: Any = field.message_type
        full_name = kind.full_name if kind is not None else ""
        if full_name == _RESULT_IMAGE or value in (None, [], "", {}):
            continue
        if full_name == _PROVENANCE:
            yield _told_by(value)
        elif field.is_repeated and kind is not None and _has_text(kind):
            yield from (item["text"] for item in value)
        elif field.is_repeated and kind is not None and not kind.GetOptions().map_entry:
            for index, item in enumerate(value):
                yield f"{field.name}[{index}]: {_text_of(item)}"
        else:
            yield f"{field.name}: {_text_of(value)}"
    for name, image in result_images(response):
        place = f", saved as {saved[name]}" if name in saved else "; --save DIR keeps it"
        yield f"{name}: {image.width} x {image.height} {image.media_type}{place}"


def _told_by(provenance: dict[str, Any]) -> str:
    kept = ", kept from an earlier call" if provenance["cached"] else ""
    return f"answered by: {provenance['backend']}, version {provenance['version']}{kept}"


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(_readable(value), ensure_ascii=False)


def _readable(value: Any) -> Any:
    """Without what only programs read: a mask's run lengths, digits nobody needs.

    Result images inside have lines of their own.
    """
    if isinstance(value, float):
        return round(value, _DECIMALS)
    if isinstance(value, list):
        return [_readable(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == _MASK_FIELDS:
        return f"{value['width']} x {value['height']}, --json has its run lengths"
    return {
        name: _readable(part)
        for name, part in value.items()
        if not (isinstance(part, dict) and part.keys() >= _IMAGE_FIELDS)
    }


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
