"""Errors over gRPC: our exceptions to the status of a call, and back."""

from __future__ import annotations

from typing import Any, NoReturn

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from google.rpc import status_pb2

from thinkimg_rpc.errors import InternalFault, ThinkImgError, TooLarge, from_status, to_status

_DETAILS_KEY = "grpc-status-details-bin"
_NUMBERS: dict[grpc.StatusCode, int] = {code: code.value[0] for code in grpc.StatusCode}
_CODES = {number: code for code, number in _NUMBERS.items()}


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
    trailers: Any = error.trailing_metadata()
    for key, value in trailers or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                return from_status(status_pb2.Status.FromString(value))
            except DecodeError:
                break
    code = error.code()
    message = error.details() or code.name
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return TooLarge(message)
    if code is grpc.StatusCode.UNKNOWN:
        # A server that is not ours, or one that broke off in the middle.
        return InternalFault(message)
    return from_status(status_pb2.Status(code=_NUMBERS[code], message=message))
