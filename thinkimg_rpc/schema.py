"""What a model is told about a tool: JSON Schema, the OpenAI tool list, and plain text.

All of it is derived from the descriptors, so it cannot differ from the contract.
An `Image` field appears as the name of an image; all else is as in protobuf's
JSON mapping, with the field names of the `.proto`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from thinkimg_rpc import wording
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.contract.options import (
    FLOAT_TYPES,
    INTEGER_BOUNDS,
    enum_names,
    is_image,
    is_number,
    rule_of,
)
from thinkimg_rpc.v1.options_pb2 import FieldRule

_BY_NAME = 'Give its name, such as "img_1".'
_BY_NAMES = 'Give their names, such as "img_1".'
_ONLY_IMAGE = "May be left out when there is only one image."


def json_schema(contract: ToolContract) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the arguments of a tool."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": contract.name,
        "description": contract.description,
        **_object(contract.request),
        "examples": [example.arguments for example in contract.examples],
    }


def openai_tools(contracts: Iterable[ToolContract]) -> list[dict[str, Any]]:
    """The `tools` of an OpenAI chat-completions request."""
    return [
        {
            "type": "function",
            "function": {
                "name": contract.name,
                "description": contract.description,
                "parameters": _object(contract.request),
            },
        }
        for contract in contracts
    ]


def prompt_text(contracts: Iterable[ToolContract]) -> str:
    """The tools as indented text, for a prompt: one line a field, then the examples."""
    return "\n\n".join("\n".join(_prompt_lines(contract)) for contract in contracts)


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


def _object(message: Descriptor) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {field.name: _property(field) for field in message.fields},
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


def _property(field: FieldDescriptor) -> dict[str, Any]:
    rule = rule_of(field)
    schema = _item(field, rule)
    if field.is_repeated:
        schema = {"type": "array", "items": schema}
        if rule.required:
            schema["minItems"] = 1
        if rule.HasField("max_items"):
            schema["maxItems"] = rule.max_items
    by_name = _BY_NAMES if field.is_repeated else _BY_NAME
    how = by_name if is_image(field.message_type) else ""
    description = " ".join(filter(None, [rule.help, how, _only_image(field)]))
    return {**schema, "description": description} if description else schema


def _item(field: FieldDescriptor, rule: FieldRule) -> dict[str, Any]:
    if is_image(field.message_type):
        return {"type": "string"}
    if field.message_type is not None:
        return _object(field.message_type)
    if is_number(field):
        return {"type": kind(field), **_limits(field, rule)}
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


def _limits(field: FieldDescriptor, rule: FieldRule) -> dict[str, float]:
    low, high = limits(field, rule)
    found = {"minimum": low, "maximum": high}
    return {name: _plain(value) for name, value in found.items() if value is not None}


def limits(field: FieldDescriptor, rule: FieldRule) -> tuple[float | None, float | None]:
    """The smallest and the largest number a field takes; None where there is no limit."""
    least, most = INTEGER_BOUNDS.get(field.type, (None, None))
    low = rule.minimum if rule.HasField("minimum") else least
    high = rule.maximum if rule.HasField("maximum") else most
    return low, high


def _plain(value: float) -> float:
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else value


def _only_image(field: FieldDescriptor) -> str:
    """What to tell of a required image, which stands for itself where it is the only one."""
    alone = is_image(field.message_type) and not field.is_repeated and rule_of(field).required
    return _ONLY_IMAGE if alone else ""


def _prompt_lines(contract: ToolContract) -> Iterator[str]:
    yield f"{contract.name}: {contract.description}"
    yield from _field_lines(contract.request, "  ")
    for example in contract.examples:
        yield f"  Example, {example.purpose}: {json.dumps(example.arguments, ensure_ascii=False)}"


def _field_lines(message: Descriptor, indent: str) -> Iterator[str]:
    for field in message.fields:
        rule = rule_of(field)
        words = [_prompt_kind(field, rule)]
        if not may_be_left_out(field):
            words.append("required")
        text = f"{rule.help} {_only_image(field)}".strip()
        yield f"{indent}{field.name} ({', '.join(words)}): {text}".rstrip(": ")
        if field.message_type is not None and not is_image(field.message_type):
            yield from _field_lines(field.message_type, indent + "  ")
    for group in exclusive_fields(message):
        yield f"{indent}Give at most one of {', '.join(group)}."


def _prompt_kind(field: FieldDescriptor, rule: FieldRule) -> str:
    if allowed := choices(field):
        words = " | ".join(allowed)
    else:
        noun = f"{kind(field)}s" if field.is_repeated else kind(field)
        low = rule.minimum if rule.HasField("minimum") else None
        high = rule.maximum if rule.HasField("maximum") else None
        words = f"{noun} {wording.span(low, high)}".strip()
    most = f"up to {rule.max_items} " if rule.HasField("max_items") else ""
    return f"list of {most}{words}" if field.is_repeated else words
