"""A mesh is out of others' reach unless it is protected, or told not to care."""

from __future__ import annotations

import socket

import pytest

from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.server.worker import Worker
from thinkimg_rpc.settings import (
    CannotStart,
    HubSettings,
    TlsSettings,
    WorkerSettings,
    check_address,
    is_loopback,
)
from thinkimg_rpc.testing import Echo

OUTSIDE = ["0.0.0.0:0", "[::]:0", "192.0.2.1:50051", "myhost:50051", ":50051", "*:50051"]
LOOPBACK = ["127.0.0.1:0", "127.8.9.10:0", "localhost:50051", "[::1]:50051"]


@pytest.mark.parametrize("address", OUTSIDE)
def test_no_process_listens_where_others_can_connect(address: str) -> None:
    assert not is_loopback(address)
    with pytest.raises(CannotStart, match="--insecure") as caught:
        Hub(HubSettings(address=address))
    assert address in str(caught.value)
    if not address.startswith(":"):
        with pytest.raises(CannotStart, match="TLS"):
            Worker(WorkerSettings(id="worker-0", tools=(), address=address), [Echo()])


def test_a_worker_without_a_host_listens_where_its_registry_reaches_it() -> None:
    worker = Worker(
        WorkerSettings(id="worker-0", tools=(), address=":0", registry="127.0.0.1:50051"), [Echo()]
    )
    assert worker.address == "127.0.0.1:0"


@pytest.mark.parametrize("address", OUTSIDE)
@pytest.mark.parametrize(
    ("tls", "insecure"), [(TlsSettings(cert="c", key="k"), False), (None, True)]
)
def test_tls_or_being_told_so_opens_it(
    address: str, tls: TlsSettings | None, insecure: bool
) -> None:
    check_address(address, tls, insecure=insecure)


@pytest.mark.parametrize("address", [*LOOPBACK, "unix:/tmp/socket"])
def test_this_machine_alone_needs_no_protection(address: str) -> None:
    check_address(address, None, insecure=False)


def test_nothing_is_open_by_default() -> None:
    assert is_loopback(HubSettings().address)
    assert is_loopback(WorkerSettings(id="worker-0", tools=()).address)


async def test_a_hub_cannot_be_reached_from_another_address_of_its_machine() -> None:
    hub = Hub(HubSettings(address="127.0.0.1:0", drain_s=0))
    await hub.start()
    port = int(hub.address.rpartition(":")[2])
    with socket.socket() as other:
        other.settimeout(1)
        assert other.connect_ex(("127.0.0.2", port)) != 0
    await hub.drain()


async def test_a_taken_port_is_named() -> None:
    first = Hub(HubSettings(address="127.0.0.1:0", drain_s=0))
    await first.start()
    with pytest.raises(CannotStart, match=first.address):
        await Hub(HubSettings(address=first.address)).start()
    await first.drain()
