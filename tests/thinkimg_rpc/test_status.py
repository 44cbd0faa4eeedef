"""Errors over gRPC: what a tool raises is what the client catches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
import pytest
from google.rpc import error_details_pb2, status_pb2

from thinkimg_rpc import Mesh
from thinkimg_rpc.errors import (
    CallerError,
    Cancelled,
    DeadlineExceeded,
    FieldViolation,
    ImageNotCached,
    InternalFault,
    InvalidRequest,
    MeshFault,
    NotFound,
    OutOfRange,
    Overloaded,
    ThinkImgError,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnknownTool,
    Unsupported,
)
from thinkimg_rpc.settings import LimitSettings
from thinkimg_rpc.status import abort, from_rpc_error
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest

from ..mesh_fixtures import BOUND_S

RAISED = [
    InvalidRequest.field("box.x1", "must be larger than box.x0 (10 <= 20)"),
    OutOfRange.fields([FieldViolation("y", "outside"), FieldViolation("x", "outside")]),
    ImageNotCached("send its bytes"),
    UnknownTool('no tool named "Crops": did you mean Crop?'),
    TooLarge("too large"),
    Overloaded("full", retry_after_s=0.5),
    Unavailable("gone"),
    InternalFault("TypeError: 漢字 and “quotes”"),
    InvalidRequest("漢" * 100_000, violations=[FieldViolation("🖼" * 5000, "é" * 9000)] * 99),
]
TOO_MUCH = EchoRequest(payload=bytes(200_000))
DETAILS = "grpc-status-details-bin"


@asynccontextmanager
async def raising(error: ThinkImgError) -> AsyncIterator[grpc.aio.Channel]:
    """A stock channel to a server that answers every call with that error."""

    async def fail(raw: bytes, context: Any) -> bytes:
        await abort(context, error)

    handler = grpc.method_handlers_generic_handler(
        "any", {"Method": grpc.unary_unary_rpc_method_handler(fail)}
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(0)


async def failure_of(channel: grpc.aio.Channel) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await channel.unary_unary("/any/Method", None, None)(b"", timeout=BOUND_S)
    return caught.value


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
async def test_the_client_gets_the_error_that_was_raised(error: ThinkImgError) -> None:
    async with raising(error) as channel:
        received = from_rpc_error(await failure_of(channel))

    assert type(received) is type(error)
    assert received.message[:50] == error.message[:50]
    assert received.retry_after_s == error.retry_after_s
    shown = [violation.field[:9] for violation in error.violations[:8]]
    assert [violation.field[:9] for violation in received.violations] == shown


async def test_a_stock_client_reads_the_field_from_the_details() -> None:
    async with raising(RAISED[0]) as channel:
        failure = await failure_of(channel)

    trailers: Any = failure.trailing_metadata()
    status = status_pb2.Status.FromString(dict(trailers)[DETAILS])
    bad = error_details_pb2.BadRequest()
    assert status.details[0].Unpack(bad)
    assert failure.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert failure.details() == RAISED[0].message
    assert [violation.field for violation in bad.field_violations] == ["box.x1"]


def failed(code: grpc.StatusCode, *trailers: tuple[str, str | bytes]) -> grpc.aio.AioRpcError:
    nothing: Any = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(code, nothing, grpc.aio.Metadata(*trailers), "so it is", None)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.CANCELLED, Cancelled),
        (grpc.StatusCode.UNKNOWN, InternalFault),
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidRequest),
        (grpc.StatusCode.DEADLINE_EXCEEDED, DeadlineExceeded),
        (grpc.StatusCode.NOT_FOUND, NotFound),
        (grpc.StatusCode.PERMISSION_DENIED, InternalFault),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, TooLarge),
        (grpc.StatusCode.FAILED_PRECONDITION, InternalFault),
        (grpc.StatusCode.ABORTED, InternalFault),
        (grpc.StatusCode.OUT_OF_RANGE, OutOfRange),
        (grpc.StatusCode.UNIMPLEMENTED, Unsupported),
        (grpc.StatusCode.INTERNAL, InternalFault),
        (grpc.StatusCode.UNAVAILABLE, Unavailable),
        (grpc.StatusCode.DATA_LOSS, InternalFault),
        (grpc.StatusCode.UNAUTHENTICATED, Unauthenticated),
    ],
)
def test_a_status_without_details_still_has_its_class(
    code: grpc.StatusCode, kind: type[ThinkImgError]
) -> None:
    error = from_rpc_error(failed(code))

    assert type(error) is kind
    assert isinstance(error, CallerError | MeshFault)
    assert "so it is" in error.message


@pytest.mark.parametrize("details", [b"\xff\xff", b""])
def test_details_that_are_none_do_not_hide_the_status(details: bytes) -> None:
    error = from_rpc_error(failed(grpc.StatusCode.UNAVAILABLE, (DETAILS, details)))

    assert type(error) is Unavailable


async def test_a_request_over_the_meshs_limit_is_told_its_size_and_the_remedy() -> None:
    limits = LimitSettings(max_message_bytes=100_000)
    async with Mesh.local([Echo], limits=limits) as mesh:
        with pytest.raises(TooLarge, match=r"has 200\d{3} bytes, and the mesh takes 100000; .*\[l"):
            await mesh.send(TOO_MUCH)
        assert (await mesh.send(EchoRequest(text="next"))).text == "next"


async def test_a_response_over_the_clients_limit_names_the_clients_setting() -> None:
    async with (
        Mesh.local([Echo]) as served,
        Mesh(served.address, max_message_bytes=100_000) as mesh,
    ):
        with pytest.raises(TooLarge, match=r"has 200\d{3} bytes, and this client takes 100000; "):
            await mesh.send(TOO_MUCH)
        assert (await mesh.send(EchoRequest(text="next"))).text == "next"
