"""Enforcing `(thinkimg_rpc.v1.rule)` on a message.

A worker checks every request before the tool sees it, so the checks are
compiled once for each message type. Beyond the rules, every floating-point
field must be finite, every enum value known, and every `Image` be bytes or a
well-formed digest.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from thinkimg_rpc import wording
from thinkimg_rpc.contract.options import (
    INTEGER_BOUNDS,
    descriptor_of,
    enum_names,
    is_image,
    is_number,
    rule_of,
)
from thinkimg_rpc.errors import FieldViolation, InvalidRequest
from thinkimg_rpc.v1.options_pb2 import FieldRule

MAX_VIOLATIONS = 16
"""More are not reported: a status travels in headers of a few KiB."""

Found = list[FieldViolation]
Check = Callable[[Message, Found], None]
"""Appends what is wrong with (one field of) a message."""
Describe = Callable[[Any], str]
"""What is wrong with one value, in words; "" if nothing is."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


def check(message: Message) -> None:
    """Raises: InvalidRequest, naming every field that breaks its rule."""
    if found := violations(message):
        raise InvalidRequest.fields(found)


def violations(message: Message) -> tuple[FieldViolation, ...]:
    """What is wrong with a message, nested messages included; at most MAX_VIOLATIONS.

    Paths are dotted, with the index of repeated fields: `points[2].x`. The
    message type must not contain itself; a contract refuses requests that do.
    """
    found: Found = []
    for check_field in _checks(descriptor_of(message)):
        check_field(message, found)
    return tuple(found[:MAX_VIOLATIONS])


@lru_cache(maxsize=512)
def _checks(descriptor: Descriptor) -> tuple[Check, ...]:
    if is_image(descriptor):
        return (_check_image,)
    return tuple(check for field in descriptor.fields if (check := _field_check(field)))


def _check_image(image: Message, found: Found) -> None:
    # The bytes themselves are judged where they are decoded: reading them here would copy them.
    source = image.WhichOneof("source")
    if source is None:
        found.append(FieldViolation("", "empty, give data or digest"))
    elif source == "digest" and not _DIGEST.fullmatch(digest := image.digest):  # type: ignore[attr-defined]
        reason = f"must be 64 lower-case hexadecimal digits (sha256), got {wording.quoted(digest)}"
        found.append(FieldViolation("digest", reason))


def _field_check(field: FieldDescriptor) -> Check | None:
    rule = rule_of(field)
    if field.is_repeated:
        return _repeated_check(field, rule)
    if field.message_type is not None:
        return _message_check(field, rule)
    return _scalar_check(field, rule)


def _scalar_check(field: FieldDescriptor, rule: FieldRule) -> Check | None:
    name, get, explicit, required = _access(field, rule)
    missing = FieldViolation(name, wording.missing(rule.help))
    describe = _description(field, rule)
    if describe is None and not required:
        return None

    def check_scalar(message: Message, found: Found) -> None:
        value = get(message)
        # A value that is not the default is there: the common case asks no further.
        if value or (explicit and message.HasField(name)):
            if describe is not None and (problem := describe(value)):
                found.append(FieldViolation(name, problem))
        elif required:
            found.append(missing)

    return check_scalar


def _message_check(field: FieldDescriptor, rule: FieldRule) -> Check | None:
    assert field.message_type is not None
    name, get, _, required = _access(field, rule)
    remedy = "required, give data or digest" if is_image(field.message_type) else ""
    missing = FieldViolation(name, remedy or wording.missing(rule.help))
    checks = _checks(field.message_type)

    def check_message(message: Message, found: Found) -> None:
        if message.HasField(name):
            _collect(checks, get(message), name, found)
        elif required:
            found.append(missing)

    return check_message


def _repeated_check(field: FieldDescriptor, rule: FieldRule) -> Check | None:
    name, get, _, required = _access(field, rule)
    missing = FieldViolation(name, wording.missing(rule.help))
    limit = rule.max_items if rule.HasField("max_items") else sys.maxsize
    checks = _checks(field.message_type) if field.message_type is not None else ()
    describe = _description(field, rule) if field.message_type is None else None

    def check_repeated(message: Message, found: Found) -> None:
        items = get(message)
        if len(items) > limit:
            found.append(FieldViolation(name, wording.too_many(len(items), limit)))
        elif required and not items:
            found.append(missing)
        elif checks or describe:
            for index, item in enumerate(items):
                if len(found) >= MAX_VIOLATIONS:
                    break
                if checks:
                    _collect(checks, item, f"{name}[{index}]", found)
                elif describe is not None and (problem := describe(item)):
                    found.append(FieldViolation(f"{name}[{index}]", problem))

    return check_repeated


def _access(
    field: FieldDescriptor, rule: FieldRule
) -> tuple[str, Callable[[Message], Any], bool, bool]:
    return field.name, attrgetter(field.name), field.has_presence, rule.required


def _collect(checks: tuple[Check, ...], part: Message, path: str, found: Found) -> None:
    inside: Found = []
    for check_field in checks:
        check_field(part, inside)
    for violation in inside:
        inner = f"{path}.{violation.field}" if violation.field else path
        found.append(FieldViolation(inner, violation.description))


def _description(field: FieldDescriptor, rule: FieldRule) -> Describe | None:
    if is_number(field):
        return _describe_number(field, rule)
    if field.enum_type is not None:
        return _describe_enum(field)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return None
    return _describe_text(field, rule)


def _describe_number(field: FieldDescriptor, rule: FieldRule) -> Describe | None:
    low = rule.minimum if rule.HasField("minimum") else None
    high = rule.maximum if rule.HasField("maximum") else None
    if field.type in INTEGER_BOUNDS and low is None and high is None:
        return None
    # The largest finite number as the outer limit refuses NaN and infinity in one comparison.
    least = -sys.float_info.max if low is None else low
    most = sys.float_info.max if high is None else high

    def describe(value: float) -> str:
        return "" if least <= value <= most else wording.out_of_span(value, low, high)

    return describe


def _describe_enum(field: FieldDescriptor) -> Describe:
    assert field.enum_type is not None
    known = frozenset(field.enum_type.values_by_number)
    names = ", ".join(enum_names(field))

    def describe(value: int) -> str:
        return "" if value in known else f"must be one of {names}, not {value}"

    return describe


def _describe_text(field: FieldDescriptor, rule: FieldRule) -> Describe | None:
    limit = rule.max_length if rule.HasField("max_length") else sys.maxsize
    choices = tuple(rule.choices)
    unit = "bytes" if field.type == FieldDescriptor.TYPE_BYTES else "characters"
    if limit == sys.maxsize and not choices:
        return None

    def describe(value: str | bytes) -> str:
        if len(value) > limit:
            return wording.too_long(len(value), limit, unit)
        if choices and value not in choices:
            return wording.not_among(str(value), choices)
        return ""

    return describe
