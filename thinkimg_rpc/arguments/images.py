"""Which image an `Image` field of the arguments means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from thinkimg_rpc import wording
from thinkimg_rpc.arguments.reading import inside
from thinkimg_rpc.contract.options import is_image, rule_of
from thinkimg_rpc.errors import FieldViolation
from thinkimg_rpc.v1.image_pb2 import Image

_NAMES_SHOWN = 12


def image_violations(
    message: Descriptor, arguments: Mapping[str, Any], images: Mapping[str, Image], path: str = ""
) -> Iterator[FieldViolation]:
    """Where the arguments name no image there is, or leave open which one they mean.

    Values of a wrong JSON type are passed over: the schema names those.
    """
    for field in message.fields:
        if field.message_type is None:
            continue
        here = inside(path, field.name)
        if field.name not in arguments:
            if stands_for_only(field) and len(images) != 1:
                yield FieldViolation(here, _which(images))
            continue
        for item_path, item in _items(field, arguments[field.name], here):
            if is_image(field.message_type):
                if isinstance(item, str) and item not in images:
                    yield FieldViolation(item_path, _unknown(item, images))
            elif isinstance(item, dict):
                yield from image_violations(field.message_type, item, images, item_path)


def stands_for_only(field: FieldDescriptor) -> bool:
    """Whether the only image is meant when this field is left out."""
    return is_image(field.message_type) and not field.is_repeated and rule_of(field).required


def _items(field: FieldDescriptor, value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if not field.is_repeated:
        yield path, value
    elif isinstance(value, list):
        yield from ((inside(path, index), item) for index, item in enumerate(value))


def _which(images: Mapping[str, Image]) -> str:
    if not images:
        return "required, but there is no image: give one with the call"
    return f"required, as there are several images: name one of {_listed(images)}"


def _unknown(name: str, images: Mapping[str, Image]) -> str:
    asked = f"no image named {wording.quoted(name)}"
    if not images:
        return f"{asked}, there is none: give one with the call"
    return f"{asked} (there are {_listed(images)})"


def _listed(images: Mapping[str, Image]) -> str:
    names = list(images)
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
