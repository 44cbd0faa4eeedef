"""The options a tool's author writes on methods and fields, and the kinds of field there are."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FieldOptions, MethodOptions
from google.protobuf.message import Message

from thinkimg_rpc.v1.image_pb2 import Image
from thinkimg_rpc.v1.options_pb2 import FieldRule, ToolOptions, rule, tool

FLOAT_TYPES = frozenset({FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT})
INTEGER_BOUNDS: dict[int, tuple[int, int]] = {
    **dict.fromkeys(
        (
            FieldDescriptor.TYPE_INT32,
            FieldDescriptor.TYPE_SINT32,
            FieldDescriptor.TYPE_SFIXED32,
        ),
        (-(2**31), 2**31 - 1),
    ),
    **dict.fromkeys(
        (
            FieldDescriptor.TYPE_INT64,
            FieldDescriptor.TYPE_SINT64,
            FieldDescriptor.TYPE_SFIXED64,
        ),
        (-(2**63), 2**63 - 1),
    ),
    **dict.fromkeys((FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32), (0, 2**32 - 1)),
    **dict.fromkeys((FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64), (0, 2**64 - 1)),
}
"""What each integer type can hold, both ends included."""


class ContractError(Exception):
    """A contract no tool can be served by; the message tells its author what to mend."""


def tool_options(method: MethodDescriptor) -> ToolOptions | None:
    """What `option (tool)` says of a method; None where it has none.

    Parsed anew, because a descriptor from another pool keeps our extension as
    unknown bytes.
    """
    options = MethodOptions.FromString(method.GetOptions().SerializeToString())
    return options.Extensions[tool] if options.HasExtension(tool) else None


def descriptor_of(message: Message) -> Descriptor:
    """A message's type, under one static type: the stubs have two."""
    return cast(Descriptor, message.DESCRIPTOR)


@lru_cache(maxsize=4096)
def rule_of(field: FieldDescriptor) -> FieldRule:
    """What `(rule)` says of a field; an empty rule where it has none. Shared: do not change it."""
    if not field.has_options:
        return FieldRule()
    return FieldOptions.FromString(field.GetOptions().SerializeToString()).Extensions[rule]


def is_image(message: Descriptor | None) -> bool:
    """Whether this is `thinkimg_rpc.v1.Image`, of whichever pool."""
    return message is not None and message.full_name == Image.DESCRIPTOR.full_name


def is_number(field: FieldDescriptor) -> bool:
    return field.type in FLOAT_TYPES or field.type in INTEGER_BOUNDS


def enum_names(field: FieldDescriptor) -> list[str]:
    """The names a value of this enum field may have, without `…_UNSPECIFIED`."""
    assert field.enum_type is not None
    names = [value.name for value in field.enum_type.values]
    return [name for name in names if not name.endswith("_UNSPECIFIED")] or names
