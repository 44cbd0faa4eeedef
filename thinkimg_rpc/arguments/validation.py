"""Validating arguments against a tool's JSON Schema, in words a model can act on."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from thinkimg_rpc import wording
from thinkimg_rpc.arguments.reading import inside
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.contract.options import rule_of
from thinkimg_rpc.errors import FieldViolation
from thinkimg_rpc.schema import choices, json_schema, kind, may_be_left_out


def schema_violations(
    contract: ToolContract, arguments: dict[str, Any]
) -> Iterator[FieldViolation]:
    """Where the arguments are not what the tool's JSON Schema says."""
    for error in _validator(contract).iter_errors(arguments):
        keys = list(error.absolute_path)
        message, field = _locate(contract.request, keys)
        path = ""
        for key in keys:
            path = inside(path, key)
        if error.validator in ("additionalProperties", "required", "not"):
            yield from _object_violations(error, path, message)
        else:
            assert field is not None  # the arguments themselves are an object
            is_whole = isinstance(keys[-1], str)
            yield FieldViolation(path, _value_problem(error, field, is_whole))


def decode_base64(text: str) -> bytes:
    """Raises: ValueError, when it is not standard base64, padding included."""
    return base64.b64decode(text, validate=True)


def _content_encoding(_: Validator, __: str, value: Any, ___: Any) -> Iterator[ValidationError]:
    if isinstance(value, str):
        try:
            decode_base64(value)
        except ValueError:
            yield ValidationError("not base64")


_make_validator: Callable[[dict[str, Any]], Validator] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"contentEncoding": _content_encoding}
)


@lru_cache(maxsize=256)
def _validator(contract: ToolContract) -> Validator:
    return _make_validator(json_schema(contract))


def _locate(
    message: Descriptor, keys: Sequence[str | int]
) -> tuple[Descriptor, FieldDescriptor | None]:
    """The field at a path, and the message type that stands there or around it."""
    field: FieldDescriptor | None = None
    for key in keys:
        if isinstance(key, str):
            field = message.fields_by_name[key]
            message = field.message_type or message
    return message, field


def _object_violations(
    error: ValidationError, path: str, message: Descriptor
) -> Iterator[FieldViolation]:
    given: Any = error.instance
    limit: Any = error.validator_value
    fields = message.fields_by_name
    if error.validator == "not":
        first, second = limit["required"]
        yield FieldViolation(inside(path, second), f"give either this or {first}, not both")
    elif error.validator == "required":
        for name in limit:
            if name not in given:
                problem = wording.missing(rule_of(fields[name]).help)
                yield FieldViolation(inside(path, name), problem)
    else:
        for name in given:
            if name not in fields:
                yield FieldViolation(inside(path, name), wording.unknown_field(name, fields))


def _value_problem(error: ValidationError, field: FieldDescriptor, is_whole: bool) -> str:
    """What is wrong with a field's value, or with one item of it where it is repeated."""
    value: Any = error.instance
    limit: Any = error.validator_value
    schema: Any = error.schema
    match error.validator:
        case "type":
            wanted = _expected(field, is_list=is_whole and field.is_repeated)
            remedy = " (leave it out instead)" if value is None and may_be_left_out(field) else ""
            return f"expected {wanted}, got {wording.kind_of(value)}{remedy}"
        case "minimum" | "maximum":
            return wording.out_of_span(value, schema.get("minimum"), schema.get("maximum"))
        case "enum":
            return wording.not_among(str(value), choices(field))
        case "maxLength":
            return wording.too_long(len(value), limit, "characters")
        case "maxItems":
            return wording.too_many(len(value), limit)
        case "minLength" | "minItems":
            return wording.missing(rule_of(field).help, "must not be empty")
    return "is not base64, which bytes are written in"


def _expected(field: FieldDescriptor, *, is_list: bool) -> str:
    if allowed := choices(field):
        one = f"one of {', '.join(allowed)}"
        return f"a list, each item {one}" if is_list else one
    noun = kind(field)
    if is_list:
        return f"a list of {noun}s"
    names = {"image name": "the name of an image", "boolean": "true or false"}
    return names.get(noun) or f"{'an' if noun[0] in 'io' else 'a'} {noun}"
