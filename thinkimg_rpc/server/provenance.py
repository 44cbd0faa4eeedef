"""Who computed an answer, written behind the tool's response without touching it."""

from __future__ import annotations

from typing import Any, NamedTuple

from google.protobuf.message import Message

from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.tool import Tool
from thinkimg_rpc.v1 import Provenance

LENGTH_DELIMITED = 2
"""The wire type of a message inside a message."""


class Signatures(NamedTuple):
    """What is appended to a tool's serialized responses.

    Protobuf merges a field that comes again at the end of a message, so naming
    the backend costs a concatenation, and a response that a tool hands out
    several times is never written to.
    """

    computed: bytes
    cached: bytes
    """Of an answer taken from an earlier, equal call."""


def signatures(contract: ToolContract, tool: Tool[Any, Any]) -> Signatures:
    """Those of a tool that is set up; empty where its response has no field for them."""
    full_name = Provenance.DESCRIPTOR.full_name
    for field in contract.response.fields:
        kind = field.message_type
        if kind is not None and kind.full_name == full_name and not field.is_repeated:
            return Signatures(
                *(
                    _signed(contract.response_class(), field.name, tool, cached)
                    for cached in (False, True)
                )
            )
    return Signatures(b"", b"")


def _signed(response: Message, field: str, tool: Tool[Any, Any], cached: bool) -> bytes:
    provenance = getattr(response, field)
    provenance.backend, provenance.version, provenance.cached = tool.backend, tool.version, cached
    # Also where all three are empty the field is there.
    provenance.SetInParent()
    return response.SerializeToString()


def nested(field_number: int, length: int) -> bytes:
    """What stands on the wire before a message of `length` bytes that is such a field."""
    return _varint(field_number << 3 | LENGTH_DELIMITED) + _varint(length)


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)
