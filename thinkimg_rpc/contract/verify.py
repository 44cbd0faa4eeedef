"""What is wrong with a contract, in words for the tool's author."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.rpc.status_pb2 import Status

from thinkimg_rpc.contract.options import FLOAT_TYPES, INTEGER_BOUNDS, is_image, is_number, rule_of
from thinkimg_rpc.v1.options_pb2 import FieldRule
from thinkimg_rpc.v1.stream_pb2 import StreamCancel


def request_problems(message: Descriptor, inside: tuple[Descriptor, ...] = ()) -> Iterator[str]:
    """What a model could not fill, or a worker not check, in a request and all it contains."""
    for field in message.fields:
        yield from _rule_problems(field, rule_of(field))
        nested = field.message_type
        if nested is None or is_image(nested):
            continue
        if nested.GetOptions().map_entry:
            yield f"{field.full_name}: use a repeated message, a map has no place here"
        elif nested.file.package.startswith("google.protobuf"):
            yield f"{field.full_name}: use plain fields, a model cannot fill {nested.full_name}"
        elif nested in (message, *inside):
            yield f"{field.full_name}: a request cannot contain itself; bound the nesting"
        else:
            yield from request_problems(nested, (*inside, message))


def stream_problems(unary: MethodDescriptor, stream: MethodDescriptor) -> Iterator[str]:
    """Where the items of a stream are not as protos/thinkimg_rpc/v1/stream.proto has them."""
    asked, answered = stream.input_type, stream.output_type
    text, number = FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_DOUBLE
    yield from _scalar_problems(asked, "request_id", text, "string")
    yield from _scalar_problems(asked, "timeout_s", number, "double")
    request = {"request": unary.input_type.full_name, "cancel": StreamCancel.DESCRIPTOR.full_name}
    yield from _oneof_problems(asked, request)
    yield from _scalar_problems(answered, "request_id", text, "string")
    outcome = {"response": unary.output_type.full_name, "error": Status.DESCRIPTOR.full_name}
    yield from _oneof_problems(answered, outcome)


def _scalar_problems(item: Descriptor, name: str, kind: int, written: str) -> Iterator[str]:
    field = item.fields_by_name.get(name)
    if field is None or field.type != kind or field.is_repeated:
        yield f"{item.full_name}: needs `{written} {name}`"


def _oneof_problems(item: Descriptor, members: dict[str, str]) -> Iterator[str]:
    fields = {name: item.fields_by_name.get(name) for name in members}
    types = {
        name: field.message_type.full_name
        for name, field in fields.items()
        if field and field.message_type
    }
    oneofs = {field.containing_oneof for field in fields.values() if field}
    if types != members or len(oneofs) != 1 or None in oneofs:
        written = " ".join(f"{kind} {name};" for name, kind in members.items())
        yield f"{item.full_name}: needs a oneof with `{written}`"


def _rule_problems(field: FieldDescriptor, rule: FieldRule) -> Iterator[str]:
    where = field.full_name
    limited = rule.HasField("minimum") or rule.HasField("maximum")
    is_text = field.type == FieldDescriptor.TYPE_STRING
    if limited and not is_number(field):
        yield f"{where}: minimum and maximum are for numbers"
    elif limited:
        yield from _limit_problems(field, rule)
    if rule.axis and field.type not in FLOAT_TYPES:
        yield f"{where}: axis is for double, a coordinate may lie between pixels"
    if rule.HasField("max_length") and not (is_text or field.type == FieldDescriptor.TYPE_BYTES):
        yield f"{where}: max_length is for string and bytes"
    if rule.HasField("max_items") and not field.is_repeated:
        yield f"{where}: max_items is for repeated fields"
    if rule.choices and not is_text:
        yield f"{where}: choices are for string; give a closed set of another kind an enum"
    is_plain = not (field.has_presence or field.is_repeated)
    if rule.required and is_plain and (is_number(field) or field.type == FieldDescriptor.TYPE_BOOL):
        yield f"{where}: mark it `optional`, so that a missing value can be told from 0"


def _limit_problems(field: FieldDescriptor, rule: FieldRule) -> Iterator[str]:
    least, most = INTEGER_BOUNDS.get(field.type, (float("-inf"), float("inf")))
    low = rule.minimum if rule.HasField("minimum") else least
    high = rule.maximum if rule.HasField("maximum") else most
    if not low <= high:
        yield f"{field.full_name}: the minimum is above the maximum"
    elif not (field.has_presence or field.is_repeated or low <= 0 <= high):
        yield f"{field.full_name}: mark it `optional`: 0 is not allowed, but means left out"
