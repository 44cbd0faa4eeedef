"""Building a request from arguments."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from thinkimg_rpc import rules
from thinkimg_rpc.arguments.images import image_violations, stands_for_only
from thinkimg_rpc.arguments.reading import read_arguments
from thinkimg_rpc.arguments.validation import decode_base64, schema_violations
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.contract.options import FLOAT_TYPES, INTEGER_BOUNDS, descriptor_of, is_image
from thinkimg_rpc.errors import FieldViolation, InvalidRequest
from thinkimg_rpc.v1.image_pb2 import Image


def build_request(
    contract: ToolContract, arguments: Mapping[str, Any] | str, images: Mapping[str, Image]
) -> Message:
    """The request that the arguments, JSON text or its parsed form, ask for.

    An `Image` field takes the name of one of `images`; a required one that is
    left out means the only image. All else is as in protobuf's JSON mapping,
    with the field names of the `.proto`, but nothing is taken for what it is
    not: no number in quotes, no null, no base64 that is none.

    Raises: InvalidRequest, naming each field that is wrong and what to do about it.
    """
    values, unreadable = read_arguments(arguments)
    described: dict[str, FieldViolation] = {}
    for violation in (
        *unreadable,
        *islice(schema_violations(contract, values), rules.MAX_VIOLATIONS),
        *image_violations(contract.request, values, images),
    ):
        described.setdefault(violation.field, violation)  # the first says the most
    if described:
        raise InvalidRequest.fields(islice(described.values(), rules.MAX_VIOLATIONS))
    request = contract.request_class()
    _fill(request, values, images)
    rules.check(request)
    return request


def _fill(message: Message, values: Mapping[str, Any], images: Mapping[str, Image]) -> None:
    for field in descriptor_of(message).fields:
        if field.name in values:
            _put(message, field, values[field.name], images)
        elif stands_for_only(field):
            _put(message, field, next(iter(images)), images)


def _put(message: Message, field: FieldDescriptor, value: Any, images: Mapping[str, Image]) -> None:
    if field.message_type is not None:
        items = value if field.is_repeated else [value]
        for item in items:
            place = getattr(message, field.name)
            part = place.add() if field.is_repeated else place
            part.SetInParent()
            if is_image(field.message_type):
                _copy_image(images[item], part)
            else:
                _fill(part, item, images)
    elif field.is_repeated:
        getattr(message, field.name).extend(_scalar(field, item) for item in value)
    else:
        setattr(message, field.name, _scalar(field, value))


def _copy_image(image: Image, place: Message) -> None:
    if isinstance(place, Image):
        place.CopyFrom(image)
    else:  # the same message type of another pool, for a tool without stubs
        place.ParseFromString(image.SerializeToString())


def _scalar(field: FieldDescriptor, value: Any) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values_by_name[value].number
    if field.type == FieldDescriptor.TYPE_BYTES:
        return decode_base64(value)
    if field.type in INTEGER_BOUNDS:
        return int(value)  # JSON Schema has 5.0 for an integer, as JSON does
    return float(value) if field.type in FLOAT_TYPES else value
