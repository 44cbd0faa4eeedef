"""What a model is told about a tool: JSON Schema, the OpenAI tool list, and plain text.

All of it is derived from the descriptors, so it cannot differ from the contract.
An `Image` field appears as the name of an image; all else is as in protobuf's
JSON mapping, with the field names of the `.proto`. Coordinates are in pixels,
or in whatever else a model counts in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from thinkimg_rpc import wording
from thinkimg_rpc.contract import ToolContract, ToolExample
from thinkimg_rpc.contract.options import (
    FLOAT_TYPES,
    INTEGER_BOUNDS,
    enum_names,
    is_image,
    is_number,
    rule_of,
)
from thinkimg_rpc.coordinates import CoordinateSpace, convert_coordinates
from thinkimg_rpc.v1.options_pb2 import Axis, FieldRule

PIXELS = CoordinateSpace.PIXELS
EXAMPLE_SIZE = {Axis.AXIS_X: 640, Axis.AXIS_Y: 480}
"""Of the image that the examples of contracts are about, in pixels."""
_BY_NAME = 'Give its name, such as "img_1".'
_BY_NAMES = 'Give their names, such as "img_1".'
_ONLY_IMAGE = "May be left out when there is only one image."


def json_schema(contract: ToolContract, space: CoordinateSpace = PIXELS) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the arguments of a tool."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": contract.name,
        "description": contract.description,
        **_object(contract.request, space),
        "examples": [example.arguments for example in _examples(contract, space)],
    }


def openai_tools(
    contracts: Iterable[ToolContract], space: CoordinateSpace = PIXELS
) -> list[dict[str, Any]]:
    """The `tools` of an OpenAI chat-completions request."""
    return [
        {
            "type": "function",
            "function": {
                "name": contract.name,
                "description": contract.description,
                "parameters": _object(contract.request, space),
            },
        }
        for contract in contracts
    ]


def prompt_text(contracts: Iterable[ToolContract], space: CoordinateSpace = PIXELS) -> str:
    """The tools as indented text, for a prompt: one line a field, then the examples."""
    return "\n\n".join("\n".join(_prompt_lines(contract, space)) for contract in contracts)


def signatures(contracts: Iterable[ToolContract]) -> str:
    """The tools as short as it goes, one line each: names, fields, and what it is for.

    A field that may be left out has a question mark.
    """
    return "\n".join(
        f"{contract.name}({_fields_in_short(contract.request)}): {_first_sentence(contract)}"
        for contract in contracts
    )


def kind(field: FieldDescriptor) -> str:
    """What one item of a field is, as a noun: "number", "image name", "object"."""
    if is_image(field.message_type):
        return "image name"
    if field.message_type is not None:
        return "object"
    if field.type in FLOAT_TYPES:
        return "number"
    if field.type in INTEGER_BOUNDS:
        return "integer"
    if field.type == FieldDescriptor.TYPE_BOOL:
        return "boolean"
    return "base64 text" if field.type == FieldDescriptor.TYPE_BYTES else "text"


def may_be_left_out(field: FieldDescriptor) -> bool:
    """Whether arguments are complete without it; the only image need not be named."""
    is_one_image = is_image(field.message_type) and not field.is_repeated
    return is_one_image or not rule_of(field).required


def choices(field: FieldDescriptor) -> list[str]:
    """The only texts a field takes; empty if it takes any."""
    return enum_names(field) if field.enum_type else list(rule_of(field).choices)


def exclusive_fields(message: Descriptor) -> list[list[str]]:
    """The groups of fields (oneofs) of which at most one may be given."""
    groups = [[field.name for field in oneof.fields] for oneof in message.oneofs]
    return [group for group in groups if len(group) > 1]


def _object(message: Descriptor, space: CoordinateSpace) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {field.name: _property(field, space) for field in message.fields},
        "required": [field.name for field in message.fields if not may_be_left_out(field)],
        "additionalProperties": False,
    }
    pairs = [
        {"not": {"required": [first, second]}}
        for group in exclusive_fields(message)
        for index, first in enumerate(group)
        for second in group[index + 1 :]
    ]
    return {**schema, "allOf": pairs} if pairs else schema


def _property(field: FieldDescriptor, space: CoordinateSpace) -> dict[str, Any]:
    rule = rule_of(field)
    schema = _item(field, rule, space)
    if field.is_repeated:
        schema = {"type": "array", "items": schema}
        if rule.required:
            schema["minItems"] = 1
        if rule.HasField("max_items"):
            schema["maxItems"] = rule.max_items
    by_name = _BY_NAMES if field.is_repeated else _BY_NAME
    how = by_name if is_image(field.message_type) else ""
    description = " ".join(filter(None, [_help(rule, space), how, _only_image(field)]))
    return {**schema, "description": description} if description else schema


def _item(field: FieldDescriptor, rule: FieldRule, space: CoordinateSpace) -> dict[str, Any]:
    if is_image(field.message_type):
        return {"type": "string"}
    if field.message_type is not None:
        return _object(field.message_type, space)
    if is_number(field):
        return {"type": kind(field), **_limits(field, rule, space)}
    if field.type == FieldDescriptor.TYPE_BOOL:
        return {"type": "boolean"}
    if field.type == FieldDescriptor.TYPE_BYTES:
        return {"type": "string", "contentEncoding": "base64"}
    schema: dict[str, Any] = {"type": "string"}
    if allowed := choices(field):
        schema["enum"] = allowed
    if rule.HasField("max_length"):
        schema["maxLength"] = rule.max_length
    if rule.required and not (field.has_presence or field.is_repeated or allowed):
        schema["minLength"] = 1
    return schema


def _limits(field: FieldDescriptor, rule: FieldRule, space: CoordinateSpace) -> dict[str, float]:
    least, most = INTEGER_BOUNDS.get(field.type, (None, None))
    low, high = _span(rule, space)
    found = {"minimum": least if low is None else low, "maximum": most if high is None else high}
    return {name: _plain(value) for name, value in found.items() if value is not None}


def _span(rule: FieldRule, space: CoordinateSpace) -> tuple[float | None, float | None]:
    """The smallest and the largest number that the contract allows; None where it sets none."""
    if rule.axis and space.full is not None:
        return 0, space.full
    low = rule.minimum if rule.HasField("minimum") else None
    high = rule.maximum if rule.HasField("maximum") else None
    return low, high


def _plain(value: float) -> float:
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else value


def _only_image(field: FieldDescriptor) -> str:
    """What to tell of a required image, which stands for itself where it is the only one."""
    alone = is_image(field.message_type) and not field.is_repeated and rule_of(field).required
    return _ONLY_IMAGE if alone else ""


def _help(rule: FieldRule, space: CoordinateSpace) -> str:
    """What a field means, with the unit where that depends on who reads it."""
    if not rule.axis:
        return rule.help
    return ", ".join(filter(None, [rule.help.rstrip("."), space.unit(rule.axis)])) + "."


def _examples(contract: ToolContract, space: CoordinateSpace) -> Iterator[ToolExample]:
    """A contract's examples; those with coordinates beyond `EXAMPLE_SIZE` only in pixels."""
    for example in contract.examples:
        if space.full is None:
            yield example
        elif (arguments := _converted(contract, example, space, space.full)) is not None:
            yield ToolExample(example.purpose, arguments)


def _converted(
    contract: ToolContract, example: ToolExample, space: CoordinateSpace, full: float
) -> dict[str, Any] | None:
    written: list[float] = []

    def convert(field: FieldDescriptor, _: str, value: float) -> float:
        written.append(round(value / EXAMPLE_SIZE[rule_of(field).axis] * full, space.decimals))
        return _plain(written[-1])

    arguments = convert_coordinates(contract.request, example.arguments, convert)
    return arguments if all(value <= full for value in written) else None


def _fields_in_short(message: Descriptor) -> str:
    return ", ".join(_field_in_short(field) for field in message.fields)


def _field_in_short(field: FieldDescriptor) -> str:
    inner = ""
    if field.message_type is not None and not is_image(field.message_type):
        inner = f"{{{_fields_in_short(field.message_type)}}}"
    listed = "[]" if field.is_repeated else ""
    left_out = "?" if may_be_left_out(field) else ""
    return f"{field.name}{inner}{listed}{left_out}"


def _first_sentence(contract: ToolContract) -> str:
    first, _, _ = contract.description.partition(". ")
    return f"{first.removesuffix('.')}."


def _prompt_lines(contract: ToolContract, space: CoordinateSpace) -> Iterator[str]:
    yield f"{contract.name}: {contract.description}"
    yield from _field_lines(contract.request, space, "  ")
    for example in _examples(contract, space):
        yield f"  Example, {example.purpose}: {json.dumps(example.arguments, ensure_ascii=False)}"


def _field_lines(message: Descriptor, space: CoordinateSpace, indent: str) -> Iterator[str]:
    for field in message.fields:
        rule = rule_of(field)
        words = [_prompt_kind(field, rule, space)]
        if not may_be_left_out(field):
            words.append("required")
        text = f"{_help(rule, space)} {_only_image(field)}".strip()
        yield f"{indent}{field.name} ({', '.join(words)}): {text}".rstrip(": ")
        if field.message_type is not None and not is_image(field.message_type):
            yield from _field_lines(field.message_type, space, indent + "  ")
    for group in exclusive_fields(message):
        yield f"{indent}Give at most one of {', '.join(group)}."


def _prompt_kind(field: FieldDescriptor, rule: FieldRule, space: CoordinateSpace) -> str:
    if allowed := choices(field):
        words = " | ".join(allowed)
    else:
        noun = f"{kind(field)}s" if field.is_repeated else kind(field)
        words = f"{noun} {wording.span(*_span(rule, space))}".strip()
    most = f"up to {rule.max_items} " if rule.HasField("max_items") else ""
    return f"list of {most}{words}" if field.is_repeated else words
