"""How the processes of a mesh connect: options, credentials, the token.

The keepalive numbers were measured: with them a stopped (SIGSTOP) peer is
noticed after 1.1-2.6 s; with `keepalive_time_ms` alone after 60 s.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from thinkimg_rpc.settings import CannotStart, TlsSettings
from thinkimg_rpc.switched_channel import SwitchedChannel
from thinkimg_rpc.tls_files import TlsFiles

if TYPE_CHECKING:
    # Generic only to the type checker.
    Interceptor = grpc.aio.ServerInterceptor[Any, Any]
    Handler = grpc.RpcMethodHandler[Any, Any]
else:
    Interceptor = grpc.aio.ServerInterceptor

logger = logging.getLogger(__name__)

Options = list[tuple[str, Any]]

IMAGES_HELD = "thinkimg-images-held"
"""A header sent as soon as a worker has the images that a unary call carried."""

_KEEPALIVE: Options = [
    ("grpc.keepalive_time_ms", 1000),
    ("grpc.keepalive_timeout_ms", 2000),
    ("grpc.http2.ping_timeout_ms", 2000),
    ("grpc.http2.max_pings_without_data", 0),
    # Peers that ping us once a second must not be told "too many pings".
    ("grpc.http2.min_ping_interval_without_data_ms", 500),
]
_RECONNECT: Options = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
]


def server_options(max_message_bytes: int) -> Options:
    """For every server of a mesh."""
    return [
        *_message_limits(max_message_bytes),
        *_KEEPALIVE,
        # An idle lease is a stream without data, and must still be pinged.
        ("grpc.keepalive_permit_without_calls", 1),
        # Without this a second server shares the port and takes half the calls.
        ("grpc.so_reuseport", 0),
    ]


def channel_options(max_message_bytes: int, *, use_http_proxy: bool = False) -> Options:
    """For every channel to a server of a mesh."""
    return [
        *_message_limits(max_message_bytes),
        *_KEEPALIVE,
        *_RECONNECT,
        ("grpc.enable_http_proxy", int(use_http_proxy)),
        # Retries are ours: gRPC's own stop silently above 256 KiB requests.
        ("grpc.enable_retries", 0),
    ]


def open_channel(
    address: str,
    *,
    max_message_bytes: int,
    tls: TlsSettings | None = None,
    use_http_proxy: bool = False,
) -> grpc.aio.Channel:
    """A channel to HOST:PORT or unix:PATH; it connects at its first call.

    HOST:PORT,HOST:PORT are several that serve the same: when one is unavailable, the
    next call goes to the next. TLS files that change are read again.

    Raises: CannotStart, when a TLS file cannot be read.
    """
    options = channel_options(max_message_bytes, use_http_proxy=use_http_proxy)
    addresses = address.split(",")
    if tls is None or address.startswith("unix:"):
        open_at = partial(grpc.aio.insecure_channel, options=options)
        if len(addresses) == 1:
            return open_at(address)
        return SwitchedChannel(open_at, addresses)
    files = TlsFiles(tls)
    if tls.name:
        options.append(("grpc.ssl_target_name_override", tls.name))

    def open_secure(address: str) -> grpc.aio.Channel:
        return grpc.aio.secure_channel(address, files.channel_credentials(), options=options)

    return SwitchedChannel(open_secure, addresses, files.changed)


def listen(server: grpc.aio.Server, address: str, tls: TlsSettings | None) -> str:
    """Bind `server` to `address` and return the address with its real port.

    Raises: CannotStart, when the port is taken, or a TLS file is missing or broken.
    """
    causes = "the port is taken or not ours"
    try:
        if tls is None or address.startswith("unix:"):
            port = server.add_insecure_port(address)
        else:
            causes += f", or {tls.cert} and {tls.key} are no certificate and its key"
            port = server.add_secure_port(address, TlsFiles(tls).server_credentials())
    except RuntimeError as error:
        raise CannotStart(
            f"cannot listen on {address}: {causes}; stop what is using it or choose another address"
        ) from error
    if address.startswith("unix:"):
        return address
    return f"{address.rpartition(':')[0]}:{port}"


def call_metadata(token: str) -> tuple[tuple[str, str], ...]:
    """Metadata that presents the mesh's token; empty without one.

    Raises: CannotStart, when no header can carry the token.
    """
    return (("authorization", _bearer(token)),) if token else ()


class TokenCheck(Interceptor):
    """Refuses calls that do not present the mesh's token.

    Health is left open: Kubernetes' gRPC probes cannot send metadata.
    """

    def __init__(self, token: str) -> None:
        self._expected = _bearer(token)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        if handler_call_details.method.startswith("/grpc.health.v1.Health/"):
            return await continuation(handler_call_details)
        presented = dict(handler_call_details.invocation_metadata).get("authorization", "")
        if _same(str(presented), self._expected):
            return await continuation(handler_call_details)
        return grpc.stream_stream_rpc_method_handler(_refuse_token(handler_call_details.method))


def interceptors(token: str) -> list[Interceptor]:
    """The interceptors of every server: none without a token, so calls cost nothing."""
    return [TokenCheck(token)] if token else []


def _refuse_token(method: str) -> Callable[..., Awaitable[None]]:
    async def refuse(requests: object, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        # Clients are told, and are many; a worker that cannot join is the operator's to mend.
        if method.endswith("/Register"):
            about = {"peer": context.peer(), "reason": "it does not present the mesh's token"}
            logger.warning("worker_refused", extra=about)
        await context.abort(
            grpc.StatusCode.UNAUTHENTICATED,
            "this mesh wants its token: set THINKIMG_TOKEN, or send `authorization: Bearer TOKEN`",
        )

    return refuse


def _bearer(token: str) -> str:
    if not (token.isascii() and token.isprintable() and token == token.strip()):
        raise CannotStart("the token must be printable ASCII, without spaces around it")
    return f"Bearer {token}"


def _same(presented: str, expected: str) -> bool:
    return hmac.compare_digest(presented.encode(), expected.encode())


def _message_limits(max_message_bytes: int) -> Options:
    return [
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", -1),
    ]
