"""Requests and responses as JSON, for people, scripts and other programs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from thinkimg_rpc.contract.options import descriptor_of, is_image
from thinkimg_rpc.parts import find_messages
from thinkimg_rpc.v1.image_pb2 import Image, ResultImage

_IMAGES = (Image.DESCRIPTOR.full_name, ResultImage.DESCRIPTOR.full_name)


def arguments_of(
    request: Message, names_by_digest: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The arguments a request was built from: the inverse of `build_request`.

    An image appears under its name, or under its digest where it has none.
    """
    names = names_by_digest or {}
    arguments: dict[str, Any] = {}
    for field, value in request.ListFields():
        if field.is_repeated:
            arguments[field.name] = [_argument(field, item, names) for item in value]
        else:
            arguments[field.name] = _argument(field, value, names)
    return arguments


def request_json(message: Message) -> dict[str, Any]:
    """A message in protobuf's JSON mapping, bytes in base64, for `grpcurl` or `buf curl`."""
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def response_json(message: Message) -> dict[str, Any]:
    """A message in protobuf's JSON mapping without the bytes of its images.

    Empty lists and zeros are there, so that a script finds each field it reads.
    """
    bare = type(message)()
    bare.CopyFrom(message)
    _drop_image_bytes(bare)
    return json_format.MessageToDict(
        bare, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _argument(field: FieldDescriptor, value: Any, names: Mapping[str, str]) -> Any:
    if is_image(field.message_type):
        digest = _digest(value)
        return names.get(digest, digest)
    if field.message_type is not None:
        return arguments_of(value, names)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else value
    if field.type == FieldDescriptor.TYPE_BYTES:
        return base64.b64encode(value).decode()
    return value


def _digest(image: Any) -> str:
    if image.WhichOneof("source") == "data":
        return hashlib.sha256(image.data).hexdigest()
    return str(image.digest)


def _drop_image_bytes(message: Message) -> None:
    for kind in _IMAGES:
        for image in find_messages(descriptor_of(message), kind)(message):
            image.ClearField("data")
