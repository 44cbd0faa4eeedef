"""Errors over gRPC: our exceptions to the status of a call, and back."""

from __future__ import annotations

import re
from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from google.rpc import status_pb2

from thinkimg_rpc.errors import InternalFault, ThinkImgError, TooLarge, from_status, to_status

_DETAILS_KEY = "grpc-status-details-bin"
_NUMBERS: dict[grpc.StatusCode, int] = {code: code.value[0] for code in grpc.StatusCode}
_CODES = {number: code for code, number in _NUMBERS.items()}
_OVER_LIMIT = re.compile(r"(CLIENT|SERVER): .* larger than max \((\d+) vs\. (\d+)\)")
"""What gRPC itself says of a message that is over its receiver's limit."""


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: ThinkImgError) -> NoReturn:
    """End a call with the status of `error`, its details included."""
    status = to_status(error)
    await context.abort(
        _CODES[status.code],
        status.message,
        ((_DETAILS_KEY, status.SerializeToString()),),
    )
    raise AssertionError("abort returns by raising")


def from_rpc_error(error: grpc.aio.AioRpcError) -> ThinkImgError:
    """The error of ours that a failed call stands for."""
    code = error.code()
    trailers: Any = error.trailing_metadata()
    for key, value in trailers or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                status = status_pb2.Status.FromString(value)
            except DecodeError:
                break
            if status.code == _NUMBERS[code]:
                return from_status(status)
    message = error.details() or code.name
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return TooLarge(_over_limit(message))
    if code is grpc.StatusCode.UNKNOWN:
        # A server that is not ours, or one that broke off in the middle.
        return InternalFault(message)
    return from_status(status_pb2.Status(code=_NUMBERS[code], message=message))


def _over_limit(message: str) -> str:
    found = _OVER_LIMIT.search(message)
    if found is None:
        return message
    receiver, size, limit = found.groups()
    if receiver == "CLIENT":
        return (
            f"the response has {size} bytes, and this client takes {limit}; "
            "ask for less, or raise its max_message_bytes"
        )
    return (
        f"the request has {size} bytes, and the mesh takes {limit}; "
        "send less, or raise max_message_bytes in [limits] of mesh.toml"
    )
