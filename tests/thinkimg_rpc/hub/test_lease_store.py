"""Which etcd a `store` names."""

from __future__ import annotations

import pytest

from thinkimg_rpc.hub.lease_store import StoreUrl, open_store, parse_store_url
from thinkimg_rpc.settings import CannotStart


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        ("etcd://10.0.0.1:2379", StoreUrl(("10.0.0.1:2379",), "mesh", False)),
        ("etcd://a:1,b:2,c:3", StoreUrl(("a:1", "b:2", "c:3"), "mesh", False)),
        ("etcd://[::1]:2379/lab", StoreUrl(("[::1]:2379",), "lab", False)),
        ("etcds://a:1/lab.two", StoreUrl(("a:1",), "lab.two", True)),
        ("etcd://ann:p%40ss@a:1", StoreUrl(("a:1",), "mesh", False, "ann", "p@ss")),
    ],
)
def test_a_store_is_hosts_and_what_they_ask_for(url: str, parsed: StoreUrl) -> None:
    assert parse_store_url(url) == parsed


@pytest.mark.parametrize(
    "url", ["redis://a:1", "etcd://", "etcd://a", "etcd://a:1,b", "etcd://ann@a:1", "a:2379"]
)
def test_what_is_none_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(CannotStart, match="etcd://HOST:PORT"):
        parse_store_url(url)


def test_without_a_store_leases_live_in_memory_alone() -> None:
    assert open_store("", None) is None


def test_a_store_with_tls_needs_an_authority() -> None:
    with pytest.raises(CannotStart, match="etcds needs ca"):
        open_store("etcds://a:1", None)
