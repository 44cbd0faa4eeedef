"""How the processes of a mesh connect."""

from __future__ import annotations

import grpc.aio
import pytest

from thinkimg_rpc.channel import (
    call_metadata,
    channel_options,
    interceptors,
    listen,
    open_channel,
    server_options,
)
from thinkimg_rpc.settings import MIB, CannotStart, TlsSettings


def test_servers_allow_the_pings_that_clients_send() -> None:
    client, server = dict(channel_options(MIB)), dict(server_options(MIB))

    assert server["grpc.http2.min_ping_interval_without_data_ms"] < client["grpc.keepalive_time_ms"]
    assert server["grpc.keepalive_permit_without_calls"] == 1
    for side in (client, server):
        # Without it a stopped peer is noticed only after a minute.
        assert side["grpc.http2.ping_timeout_ms"] == 2000
        assert side["grpc.max_receive_message_length"] == MIB


@pytest.mark.parametrize("use", [True, False])
def test_a_proxy_is_obeyed_only_when_told(use: bool) -> None:
    assert dict(channel_options(MIB, use_http_proxy=use))["grpc.enable_http_proxy"] == int(use)
    assert dict(channel_options(MIB))["grpc.enable_http_proxy"] == 0


def test_a_token_is_presented_as_a_bearer() -> None:
    assert call_metadata("secret") == (("authorization", "Bearer secret"),)
    assert call_metadata("") == ()
    assert interceptors("") == []


async def test_a_free_port_is_told() -> None:
    server = grpc.aio.server(options=server_options(MIB))

    host, _, port = listen(server, "127.0.0.1:0", None).rpartition(":")
    assert host == "127.0.0.1"
    assert int(port) > 0


async def test_two_servers_never_share_a_port() -> None:
    first, second = (grpc.aio.server(options=server_options(MIB)) for _ in range(2))
    address = listen(first, "127.0.0.1:0", None)

    with pytest.raises(CannotStart, match="the port is taken"):
        listen(second, address, None)


async def test_a_socket_is_its_own_address_and_needs_no_tls(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    address = f"unix:{tmp_path_factory.mktemp('s')}/it"
    nothing_to_read = TlsSettings(cert="/nowhere", key="/nowhere", ca="/nowhere")
    server = grpc.aio.server(options=server_options(MIB))

    assert listen(server, address, nothing_to_read) == address
    await open_channel(address, max_message_bytes=MIB, tls=nothing_to_read).close(None)
